// Package otelclawhq shows the calls of a clawhq.Client in OpenTelemetry, as
// spans and metrics:
//
//	client, err := clawhq.NewClient(otelclawhq.Option())
//
// It uses the global providers, unless [WithTracerProvider] and
// [WithMeterProvider] name others. For the HTTP requests below, and so that
// traces go on in the service, wrap the transport as well; the spans nest:
//
//	clawhq.WithHTTPClient(&http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)})
//
// # Spans
//
//	POST /v1/chat                    client; the call, to the end of a stream
//	├─ attempt                       internal; one request and its reply
//	└─ attempt                       linked to the attempt it repeats
//
// A call's span has events: rate_limit.waiting and rate_limit.admitted, where
// there was a wait, retry, with its cause and wait, and limiter_down; an
// attempt's has first_chunk. Attributes are those of the semantic conventions
// where there are some: http.request.method, url.template,
// http.response.status_code, http.request.resend_count, error.type; and
// clawhq.request_id, the server's id of the request. error.type is the code
// of an error, like rate_limited, or, without one, the status, or timeout,
// canceled, throttled, or _OTHER.
//
// # Metrics
//
//	clawhq.client.call.duration               s          histogram, of whole calls, waits included
//	clawhq.client.attempts                    {attempt}  counter, of requests sent
//	clawhq.client.rate_limit.wait             s          histogram, of each attempt's wait for its turn
//	clawhq.client.rate_limit.rejections       {attempt}  counter, of replies 429
//	clawhq.client.rate_limit.remaining        {call}     gauge, calls left of the window as of the last reply
//	clawhq.client.stream.time_to_first_chunk  s          histogram, from the beginning of the call
//
// Their attributes are http.request.method and url.template; of duration and
// attempts also http.response.status_code and error.type.
//
// # What is not shown
//
// No message, no answer, no text of an error, no key and no session is in any
// name, attribute, event or status. Ids in paths are left out.
package otelclawhq
