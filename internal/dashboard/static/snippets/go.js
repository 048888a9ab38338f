// A request as a Go program: by the SDK where it has chat, by net/http
// otherwise.

import { keyVariable, plainHeaders, quote, selfSigned, sessionVariable, streams, typeOf } from './words.js';

const transport = `&http.Client{Transport: &http.Transport{
		// This server's certificate is its own: trust it here, never elsewhere.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}`;

const chatFields = [['Message', 'message'], ['Agent', 'agent'], ['SessionID', 'session_id']];

export const go = (request) => (isChat(request) ? bySDK(request) : byHTTP(request));

// Whether the SDK's types can say all of a request.
function isChat({ auth, method, path, values }) {
  return auth === 'key' && method === 'POST' && path.endsWith('/v1/chat') && values !== null
    && Object.entries(values).every(([name, value]) => (name === 'stream' ? typeof value === 'boolean'
      : chatFields.some(([, known]) => known === name) && typeof value === 'string'));
}

const importing = (paths) => paths.sort().map((path) => `\t"${path}"`).join('\n');

function bySDK(request) {
  const base = request.url.slice(0, request.url.lastIndexOf('/v1/'));
  const imports = ['context', 'fmt', 'log'];
  const options = [`clawhq.WithBaseURL(${quote(base)}),`];
  if (selfSigned(request)) {
    imports.push('crypto/tls', 'net/http');
    options.push(`clawhq.WithHTTPClient(${transport.replaceAll('\n', '\n\t')}),`);
  }
  const fields = chatFields.filter(([, name]) => request.values[name] !== undefined);
  const width = Math.max(...fields.map(([field]) => field.length)) + 1;
  const literal = fields.map(([field, name]) => `\n\t\t${`${field}:`.padEnd(width)} ${quote(request.values[name])},`).join('');
  const callOptions = plainHeaders(request).flatMap(({ name, value }) => {
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
${importing(imports)}

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

function byHTTP(request) {
  const imports = ['fmt', 'io', 'log', 'net/http', 'os'];
  if (selfSigned(request)) imports.push('crypto/tls');
  let before = '';
  let body = 'nil';
  let type = '';
  if (request.form) {
    imports.push('bytes', 'mime/multipart');
    if (request.form.some(({ value }) => value.name)) imports.push('net/textproto');
    before = form(request.form);
    body = '&form';
    type = '\treq.Header.Set("Content-Type", writer.FormDataContentType())\n';
  } else if (request.body !== null) {
    imports.push('strings');
    body = `strings.NewReader(${quote(request.body)})`;
  }
  const headers = type + plainHeaders(request).map(({ name, value }) => `\treq.Header.Set(${quote(name)}, ${quote(value)})\n`).join('');
  const credential = request.auth === 'key'
    ? `req.Header.Set("Authorization", "Bearer "+os.Getenv("${keyVariable}"))`
    : `req.AddCookie(&http.Cookie{Name: "session", Value: os.Getenv("${sessionVariable}")})`;
  return `package main

import (
${importing(imports)}
)

func main() {
${before}	req, err := http.NewRequest("${request.method}", ${quote(request.url)}, ${body})
	if err != nil {
		log.Fatal(err)
	}
	${credential}
${headers}	client := ${selfSigned(request) ? transport : 'http.DefaultClient'}
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

// The form that is sent. multipart's own CreateFormFile would give a file no
// media type.
function form(fields) {
  const field = ({ name, value }) => (value.name ? `	file, err := os.Open(${quote(value.name)})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	part, err := writer.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(${quote(name)}, ${quote(value.name)})},
		"Content-Type":        {${quote(typeOf(value))}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(part, file); err != nil {
		log.Fatal(err)
	}
` : `	writer.WriteField(${quote(name)}, ${quote(value)})
`);
  return `	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
${fields.map(field).join('')}	writer.Close()
`;
}
