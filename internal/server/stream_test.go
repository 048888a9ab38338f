package server

import "testing"

// In profile Live, an answer without text is a stream with [DONE] alone.
func TestEmptyStream(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	s.HandleAgent("a", agentOf(says("", "")))
	if got := s.send(request{body: `{"message":"hi","agent":"a","stream":true}`}).Body.String(); got != "data: [DONE]\n\n" {
		t.Errorf("%q", got)
	}
}
