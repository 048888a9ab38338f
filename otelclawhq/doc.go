// Package otelclawhq records the calls of a clawhq.Client as OpenTelemetry spans
// and metrics:
//
//	client, err := clawhq.NewClient(otelclawhq.Option())
//
// It uses the global providers unless [WithTracerProvider] and
// [WithMeterProvider] set others. To record the HTTP requests as well, and to
// propagate the trace to the service, also wrap the transport. The spans of
// requests are then children of the spans of attempts:
//
//	clawhq.WithHTTPClient(&http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)})
//
// # Spans
//
//	POST /v1/chat                    kind client; the whole call, until a stream has ended
//	├─ attempt                       kind internal; one request and its reply
//	└─ attempt                       a retry, linked to the attempt that it repeats
//
// The span of a call has the events rate_limit.waiting and rate_limit.admitted
// if the call waited, retry with its cause and wait, and limiter_down. The span
// of an attempt has the event first_chunk.
//
// Attributes follow the semantic conventions where these define one:
// http.request.method, url.template, server.address, server.port, http.response.status_code,
// http.request.resend_count and error.type. clawhq.request_id is the server's id
// of the request. error.type is the code of the error, like rate_limited; for
// an error without a code it is the status, or one of timeout, canceled,
// throttled and _OTHER.
//
// # Metrics
//
//	clawhq.client.call.duration               s          histogram: duration of calls, including waits
//	clawhq.client.attempts                    {attempt}  counter: requests sent
//	clawhq.client.rate_limit.wait             s          histogram: time that attempts waited for the rate limit
//	clawhq.client.rate_limit.rejections       {attempt}  counter: replies with status 429
//	clawhq.client.rate_limit.remaining        {call}     gauge: calls left in the window, as the last reply reported
//	clawhq.client.stream.time_to_first_chunk  s          histogram: time from the start of the call
//
// All metrics have the attributes http.request.method and url.template; duration
// and attempts also have http.response.status_code and error.type.
//
// # What is not recorded
//
// Names, attributes, events and statuses contain no messages, answers, texts of
// errors, API keys or sessions. url.template has wildcards in place of ids.
package otelclawhq
