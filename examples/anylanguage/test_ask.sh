#!/usr/bin/env bash
# Tests a script that asks an agent against a reference server, which this
# starts and stops. clawhq-server has to be in PATH, or at $CLAWHQ_SERVER.
set -euo pipefail

dir=$(mktemp -d)
"${CLAWHQ_SERVER:-clawhq-server}" -addr 127.0.0.1:0 -json -rpm 30 -cert-out "$dir/server.pem" -ready-file "$dir/ready.json" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" || true; rm -r "$dir"' EXIT
until [ -e "$dir/ready.json" ]; do
	kill -0 "$server"
	sleep 0.05
done
about() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" "$dir/ready.json"; }
base=$(about base_url) key=$(about api_key) url=$(about control_url) token=$(about control_token)

# ask prints the status and Retry-After of a chat.
ask() {
	curl -s --cacert "$dir/server.pem" -o /dev/null -w '%{http_code} %header{retry-after}\n' -H "Authorization: Bearer $key" \
		-H 'Content-Type: application/json' -d '{"message": "When are you open?"}' "$base/v1/chat"
}
control() { # method path [body]
	curl -sf --cacert "$dir/server.pem" -X "$1" -H "Authorization: Bearer $token" ${3:+-d "$3"} "$url$2"
}
equal() {
	if [ "$1" != "$2" ]; then
		echo "got '$1', want '$2'" >&2
		exit 1
	fi
}

# A fault, for the second chat.
control POST /faults '{"fault": "429:7", "path": "/v1/chat", "nth": 2}' >/dev/null
equal "$(ask)" '200 '
equal "$(ask)" '429 7'
equal "$(ask)" '200 '

# The rate limit, and a minute that takes no time. The fault was not counted.
for _ in $(seq 28); do ask >/dev/null; done
equal "$(ask | cut -c 1-3)" 429
control POST /clock '{"advance": "60s"}' >/dev/null
equal "$(ask)" '200 '

# What was sent.
control GET '/requests?path=/v1/chat&status=429' | grep -q '"total":2'
echo 'test_ask.sh passed'
