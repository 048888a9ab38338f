package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestShots(t *testing.T) {
	s := startServer(t, "-agent-delay", "20ms")
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelector('#first').checkVisibility() && document.querySelector('#first-code').textContent.includes('curl')`)
	b.everywhere("requests-first")
	b.click(`#first-languages input[value=go]`)

	s.controls(t, http.MethodPost, "/agents", `{"slug": "moody", "replies": [{"chunks": ["Well, "], "error": "out of memory"}, "All is well."]}`)
	s.controls(t, http.MethodPost, "/faults", `[{"fault":"429:7","nth":2}, {"fault": "503:agent_offline", "path": "/v1/chat", "nth": 4}]`)
	s.post(t, "/v1/chat", s.key, `{"message":"How are you?","agent":"moody"}`)
	s.post(t, "/v1/chat", s.key, `{"message":"How are you?","agent":"moody"}`)
	for range 3 {
		s.post(t, "/v1/chat?a="+strings.Repeat("b", 4000), s.key, `{"message":"How are you?"}`)
	}
	s.call(t, "GET", "/v1/agents/some-agent-that-is-not-there", s.key, "")
	s.call(t, "GET", "/v1/usage", "clw_00000000000000000000000000000000", "")
	s.call(t, "GET", "/keys", "", "")
	s.controls(t, http.MethodPost, "/faults", `{"fault":"error:stream_error:2"}`)
	s.post(t, "/v1/chat", s.key, `{"message":"Explain how webhooks work","stream":true}`)
	b.until(`document.querySelectorAll('#journal-list .j-row').length === 9`)
	b.everywhere("requests-list")
	b.click(newest)
	b.wantText("#detail-event-count", "4")
	b.everywhere("requests-stream")
	b.click("#clock-tool summary")
	b.click("#aim-tool summary")
	b.click("#agents-tool summary")
	b.click("#journal-list .j-row:nth-child(9)")
	b.wantText("#detail-why", "out of memory")
	b.click("#detail-repeat")
	b.everywhere("requests-tools")
}
