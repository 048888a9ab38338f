// A request as a Go program, by net/http.

import { certificateFile, keyVariable, plainHeaders, quote, selfSigned, sessionVariable, typeOf } from './words.js';

/** Reads the server's certificate, which is its own, for trusting. */
export const trust = () => `	certificate, err := os.ReadFile(${quote(certificateFile())})
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
`;

/** The packages that trust and trusting need. */
export const trustImports = ['crypto/tls', 'crypto/x509', 'net/http', 'os'];

/** A client that trusts that certificate. */
export const trusting = `&http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}`;

/** The import lines of these packages. */
export const importing = (paths) => [...new Set(paths)].sort().map((path) => `\t"${path}"`).join('\n');

export function byHTTP(request) {
  const imports = ['fmt', 'io', 'log', 'net/http', 'os'];
  if (selfSigned(request)) imports.push(...trustImports);
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
${headers}${selfSigned(request) ? trust() : ''}	client := ${selfSigned(request) ? trusting : 'http.DefaultClient'}
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
