// A request as a Go program: by the SDK where its methods say all of it, by
// net/http otherwise.

import { byHTTP, importing, trust, trusting, trustImports } from './gohttp.js';
import { method } from './gomethods.js';
import { keyVariable, plainHeaders, quote, selfSigned, sessionVariable } from './words.js';

const sayable = ['Content-Type', 'X-Idempotency-Key', 'X-Client-Request-Id']; // headers

export function go(request) {
  const called = plainHeaders(request).every(({ name }) => sayable.includes(name)) && method(request);
  return called ? bySDK(request, called) : byHTTP(request);
}

const failing = `		if err != nil {
			log.Fatal(err)
		}
`;

function bySDK(request, { call, result }) {
  const [base] = request.url.split(/\/v1\/|\/(?:keys|webhooks)\b/);
  const imports = ['context', 'fmt', 'log'];
  const options = [`clawhq.WithBaseURL(${quote(base)}),`];
  if (request.auth === 'session') {
    imports.push('os');
    options.push(`clawhq.WithSession(os.Getenv("${sessionVariable}")),`);
  }
  if (selfSigned(request)) {
    imports.push(...trustImports);
    options.push(`clawhq.WithHTTPClient(${trusting.replaceAll('\n', '\n\t')}),`);
  }
  const callOptions = plainHeaders(request).flatMap(({ name, value }) => {
    if (name === 'X-Idempotency-Key') return [`clawhq.WithIdempotencyKey(${quote(value)})`];
    if (name === 'X-Client-Request-Id') return [`clawhq.WithClientRequestID(${quote(value)})`];
    return [];
  }).map((option) => `, ${option}`).join('');
  const whole = `client.${call.replace('(', '(context.Background()').replace(/\)$/, `${callOptions})`)}`;
  const uses = {
    stream: `	for chunk, err := range ${whole} {
${failing}		fmt.Print(chunk.Content)
	}
	fmt.Println()`,
    none: `	if err := ${whole}; err != nil {
		log.Fatal(err)
	}
	fmt.Println("done")`,
  };
  return `package main

import (
${importing(imports)}

	"github.com/clawhq/clawhq-go"
)

func main() {
${selfSigned(request) ? trust() : ''}${request.auth === 'key' ? `	// The key comes from ${keyVariable}.\n` : ''}	client, err := clawhq.NewClient(
		${options.join('\n\t\t')}
	)
	if err != nil {
		log.Fatal(err)
	}
${uses[result] ?? `	reply, err := ${whole}
	if err != nil {
		log.Fatal(err)
	}
	${result}`}
}
`;
}
