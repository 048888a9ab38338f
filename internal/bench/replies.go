package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The answer that every service gives.
const answer = "Webhooks are HTTP callbacks that notify your server when something happens."

// A reply is what one of the protocols answers, byte for byte.
type reply struct {
	contentType string
	body        []byte
}

func jsonReply(format string, args ...any) reply {
	return reply{"application/json", fmt.Appendf(nil, format, args...)}
}

// eventReply is a stream: what comes before the chunks, each chunk by its
// format, and what comes after.
func eventReply(chunks []string, before, format, after string) reply {
	var b bytes.Buffer
	b.WriteString(before)
	for _, c := range chunks {
		quoted, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, format, quoted)
	}
	b.WriteString(after)
	return reply{"text/event-stream", b.Bytes()}
}

// service answers by path: /v1/chat as ClawHQ does, /chat/completions as
// OpenAI, /v1/messages as Anthropic.
type service struct {
	unary, stream map[string]reply
}

func newService(chunks []string) service {
	return service{
		unary: map[string]reply{
			"/v1/chat":          jsonReply(`{"response":%q,"agent":"support-bot","request_id":"req_1"}`, answer),
			"/chat/completions": jsonReply(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`, answer),
			"/v1/messages":      jsonReply(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":%q}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`, answer),
		},
		stream: map[string]reply{
			"/v1/chat":          eventReply(chunks, "", "data: {\"content\":%s}\n\n", "data: [DONE]\n\n"),
			"/chat/completions": eventReply(chunks, "", "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", "data: [DONE]\n\n"),
			"/v1/messages": eventReply(chunks,
				"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
				"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":%s}}\n\n",
				"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
		},
	}
}

// reply returns the answer to a request. Every SDK says in its body whether it
// wants a stream.
func (s service) reply(path string, body []byte) reply {
	replies := s.unary
	if bytes.Contains(body, []byte(`"stream":true`)) {
		replies = s.stream
	}
	for suffix, r := range replies {
		if strings.HasSuffix(path, suffix) {
			return r
		}
	}
	panic("no reply for " + path)
}

// RoundTrip is the service in memory.
func (s service) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	re := s.reply(r.URL.Path, body)
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {re.contentType}, "X-Request-Id": {"req_1"},
			"X-Ratelimit-Limit": {"1000000000"}, "X-Ratelimit-Remaining": {"999999999"}, "X-Ratelimit-Reset": {"1795470840"},
		},
		Body: io.NopCloser(bytes.NewReader(re.body)), ContentLength: int64(len(re.body)), Request: r,
	}, nil
}

// ServeHTTP is the service on a network.
func (s service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	re := s.reply(r.URL.Path, body)
	h := w.Header()
	h["Content-Type"] = []string{re.contentType}
	h["X-Request-Id"] = []string{"req_1"}
	h["X-Ratelimit-Limit"] = []string{"1000000000"}
	h["X-Ratelimit-Remaining"] = []string{"999999999"}
	h["X-Ratelimit-Reset"] = []string{"1795470840"}
	w.Write(re.body)
}
