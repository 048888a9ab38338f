// A request as a program: curl, Go, Python, JavaScript. Credentials never
// enter the text; it reads them from the environment.

/** The languages, in the order they are offered. */
export const languages = {
  curl: { label: 'curl', write: curl },
  go: { label: 'Go', write: go },
  python: { label: 'Python', write: python },
  javascript: { label: 'JavaScript', write: javascript },
};

const keyVariable = 'CLAWHQ_API_KEY';
const sessionVariable = 'CLAWHQ_SESSION';

// A JSON string is also a string literal in Go, Python and JavaScript, once
// lone surrogates and byte order marks are out of the way.
const quote = (value) => JSON.stringify(String(value).toWellFormed()).replaceAll('\ufeff', '\\ufeff');

const selfSigned = (request) => request.url.startsWith('https:');
const isChat = (request) => request.auth === 'key' && request.method === 'POST' && request.path.endsWith('/v1/chat');
const streams = (request) => request.values.stream === true;

// The headers to write out: what each language says in its own way, the
// credential, is asked for apart.
const plain = (request) => request.headers.filter((h) => h.value !== null && !h.shown);

function curl(request) {
  const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const words = ['curl'];
  if (selfSigned(request)) words.push('-k'); // the certificate is made at start
  if (streams(request)) words.push('-N');
  if (request.method !== 'GET') words.push('-X', request.method);
  const lines = [`${words.join(' ')} ${shell(request.url)}`];
  lines.push(request.auth === 'key'
    ? `-H "Authorization: Bearer $${keyVariable}"`
    : `-b "session=$${sessionVariable}"`);
  for (const { name, value } of plain(request)) lines.push(`-H ${shell(`${name}: ${value}`)}`);
  if (request.body !== null) lines.push(`-d ${shell(request.body)}`);
  return lines.join(' \\\n  ');
}

const goTransport = `&http.Client{Transport: &http.Transport{
		// This server's certificate is its own: trust it here, never elsewhere.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}`;

function go(request) {
  return isChat(request) ? goSDK(request) : goHTTP(request);
}

function goSDK(request) {
  const base = request.url.slice(0, request.url.lastIndexOf('/v1/'));
  const imports = ['"context"', '"fmt"', '"log"'];
  const options = [`clawhq.WithBaseURL(${quote(base)}),`];
  if (selfSigned(request)) {
    imports.splice(1, 0, '"crypto/tls"');
    imports.push('"net/http"');
    options.push(`clawhq.WithHTTPClient(${goTransport.replaceAll('\n', '\n\t')}),`);
  }
  const fields = [['Message', 'message'], ['Agent', 'agent'], ['SessionID', 'session_id']]
    .filter(([, name]) => request.values[name] !== undefined);
  const width = Math.max(...fields.map(([field]) => field.length)) + 1;
  const literal = fields.map(([field, name]) => `\n\t\t${`${field}:`.padEnd(width)} ${quote(request.values[name])},`).join('');
  const callOptions = plain(request).flatMap(({ name, value }) => {
    if (name === 'X-Idempotency-Key') return [`clawhq.WithIdempotencyKey(${quote(value)})`];
    if (name === 'X-Client-Request-Id') return [`clawhq.WithClientRequestID(${quote(value)})`];
    return [];
  }).map((option) => `, ${option}`).join('');
  const call = `context.Background(), clawhq.ChatRequest{${literal}${literal && '\n\t'}}${callOptions}`;
  const use = streams(request)
    ? `	for chunk, err := range client.ChatStream(${call}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(chunk.Content)
	}
	fmt.Println()`
    : `	reply, err := client.Chat(${call})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Response)`;
  return `package main

import (
${imports.map((path) => `\t${path}`).join('\n')}

	"github.com/clawhq/clawhq-go"
)

func main() {
	// The key comes from ${keyVariable}.
	client, err := clawhq.NewClient(
		${options.join('\n\t\t')}
	)
	if err != nil {
		log.Fatal(err)
	}
${use}
}
`;
}

function goHTTP(request) {
  const imports = ['"fmt"', '"io"', '"log"', '"net/http"', '"os"'];
  if (selfSigned(request)) imports.unshift('"crypto/tls"');
  if (request.body !== null) imports.push('"strings"');
  const body = request.body === null ? 'nil' : `strings.NewReader(${quote(request.body)})`;
  const headers = plain(request).map(({ name, value }) => `\treq.Header.Set(${quote(name)}, ${quote(value)})\n`).join('');
  const credential = request.auth === 'key'
    ? `req.Header.Set("Authorization", "Bearer "+os.Getenv("${keyVariable}"))`
    : `req.AddCookie(&http.Cookie{Name: "session", Value: os.Getenv("${sessionVariable}")})`;
  return `package main

import (
${imports.map((path) => `\t${path}`).join('\n')}
)

func main() {
	req, err := http.NewRequest("${request.method}", ${quote(request.url)}, ${body})
	if err != nil {
		log.Fatal(err)
	}
	${credential}
${headers}	client := ${selfSigned(request) ? goTransport : 'http.DefaultClient'}
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status)
	fmt.Println(string(reply))
}
`;
}

function python(request) {
  const headers = plain(request).filter(({ name }) => name !== 'Content-Type' || request.body === null)
    .map(({ name, value }) => `${quote(name)}: ${quote(value)}`);
  if (request.auth === 'key') headers.unshift(`"Authorization": f"Bearer {os.environ['${keyVariable}']}"`);
  const args = [quote(request.url)];
  if (headers.length > 0) args.push(`headers={\n${headers.map((h) => `        ${h},\n`).join('')}    }`);
  if (request.auth === 'session') args.push(`cookies={"session": os.environ["${sessionVariable}"]}`);
  if (request.body !== null) args.push(`json=${pythonDict(request.values)}`);
  if (streams(request)) args.push('stream=True');
  if (selfSigned(request)) args.push('verify=False');
  const call = `requests.${request.method.toLowerCase()}(\n${args.map((arg) => `    ${arg},${
    arg === 'verify=False' ? "  # this server's certificate is its own" : ''}\n`).join('')})`;
  if (!streams(request)) {
    return `import os
import requests

response = ${call}
print(response.status_code, response.text)
`;
  }
  return `import json
import os
import requests

response = ${call}
response.raise_for_status()
for line in response.iter_lines():
    if not line.startswith(b"data: ") or line == b"data: [DONE]":
        continue
    event = json.loads(line.removeprefix(b"data: "))
    print(event.get("content", event.get("error", "")), end="", flush=True)
print()
`;
}

function pythonDict(values) {
  const literal = (value) => (value === true ? 'True' : value === false ? 'False' : typeof value === 'number' ? value : quote(value));
  const entries = Object.entries(values).map(([name, value]) => `        ${quote(name)}: ${literal(value)},\n`);
  return `{\n${entries.join('')}    }`;
}

function javascript(request) {
  const headers = plain(request).map(({ name, value }) => `${quote(name)}: ${quote(value)}`);
  headers.unshift(request.auth === 'key'
    ? `"Authorization": \`Bearer \${process.env.${keyVariable}}\``
    : `"Cookie": \`session=\${process.env.${sessionVariable}}\``);
  const body = request.body === null ? '' : `\n  body: JSON.stringify(${
    JSON.stringify(JSON.parse(request.body), null, 2).toWellFormed().replaceAll('\n', '\n  ')}),`;
  const trust = selfSigned(request)
    ? "// This server's certificate is its own: run with NODE_TLS_REJECT_UNAUTHORIZED=0.\n" : '';
  const call = `${trust}const response = await fetch(${quote(request.url)}, {
  method: "${request.method}",
  headers: {
${headers.map((h) => `    ${h},`).join('\n')}
  },${body}
});
`;
  if (!streams(request)) return `${call}console.log(response.status, await response.json());\n`;
  return `${call}if (!response.ok) throw new Error(\`\${response.status}: \${await response.text()}\`);
const decoder = new TextDecoder();
let pending = "";
for await (const bytes of response.body) {
  pending += decoder.decode(bytes, { stream: true });
  const lines = pending.split("\\n");
  pending = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    const event = JSON.parse(line.slice(6));
    process.stdout.write(event.content ?? \`\\n\${event.error?.message}\`);
  }
}
console.log();
`;
}
