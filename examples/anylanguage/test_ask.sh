#!/usr/bin/env bash
# Tests a script that asks an agent against a reference server, which this
# starts and stops. clawhq-server has to be in PATH, or at $CLAWHQ_SERVER. Each
# test has a sandbox, a server of its own behind the same port; all run at once.
set -euo pipefail

dir=$(mktemp -d)
"${CLAWHQ_SERVER:-clawhq-server}" -addr 127.0.0.1:0 -json -rpm 30 -cert-out "$dir/server.pem" -ready-file "$dir/ready.json" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" || true; rm -r "$dir"' EXIT
until [ -e "$dir/ready.json" ]; do
	kill -0 "$server"
	sleep 0.05
done
about() { grep -o "\"$2\":\"[^\"]*\"" <<<"$1" | head -n 1 | cut -d '"' -f 4; } # JSON name

# ask prints the status and Retry-After of a chat.
ask() {
	curl -s --cacert "$dir/server.pem" -o /dev/null -w '%{http_code} %header{retry-after}\n' -H "Authorization: Bearer $(about "$sandbox" api_key)" \
		-H 'Content-Type: application/json' -d '{"message": "When are you open?"}' "$(about "$sandbox" base_url)/v1/chat"
}
control() { # server-or-sandbox method path [body]
	curl -sf --cacert "$dir/server.pem" -X "$2" -H "Authorization: Bearer $(about "$1" control_token)" ${4:+-d "$4"} "$(about "$1" control_url)$3"
}
equal() {
	if [ "$1" != "$2" ]; then
		echo "got '$1', want '$2'" >&2
		exit 1
	fi
}

test_fault() { # for the second chat
	control "$sandbox" POST /faults '{"fault": "429:7", "path": "/v1/chat", "nth": 2}' >/dev/null
	equal "$(ask)" '200 '
	equal "$(ask)" '429 7'
	equal "$(ask)" '200 '
}

test_rate_limit() { # and a minute that takes no time
	for _ in $(seq 30); do ask >/dev/null; done
	equal "$(ask | cut -c 1-3)" 429
	control "$sandbox" POST /clock '{"advance": "60s"}' >/dev/null
	equal "$(ask)" '200 '
	control "$sandbox" GET '/requests?path=/v1/chat&status=429' | grep -q '"total":1'
}

in_sandbox() {
	sandbox=$(control "$server_json" POST /sandboxes)
	"$1"
	control "$server_json" DELETE "/sandboxes/$(about "$sandbox" id)" >/dev/null
}

server_json=$(cat "$dir/ready.json")
in_sandbox test_fault & first=$!
in_sandbox test_rate_limit & second=$!
wait "$first"
wait "$second"
echo 'test_ask.sh passed'
