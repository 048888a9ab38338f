package server

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A client can read a refusal, however much of the body the server has read.
func TestRefusalsAreReadable(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Limits: LimitsFor(1 << 20)})
	program := httptest.NewUnstartedServer(nil)
	program.Config = NewHTTPServer(s)
	program.Listener = HTTPSOnly(LimitConns(program.Listener, MaxConns))
	program.EnableHTTP2 = true
	program.StartTLS()
	t.Cleanup(program.Close)
	body := bytes.Repeat([]byte("x"), 8<<20)
	for name, tt := range map[string]struct {
		path, key, expect string
		chunked           bool
		want              int
	}{
		"unknown key":                    {chatPath, "nobody", "", false, 401},
		"unknown key, after a question":  {chatPath, "nobody", "100-continue", false, 401},
		"too long":                       {chatPath, s.key, "", false, 400},
		"too long, after a question":     {chatPath, s.key, "100-continue", false, 400},
		"too long, of unknown length":    {chatPath, s.key, "", true, 400},
		"no such path":                   {"/api/v1/nothing", s.key, "100-continue", false, 404},
		"no such path, outside":          {"/nothing", s.key, "100-continue", true, 404},
		"no session, after a question":   {"/api/keys", "", "100-continue", false, 401},
		"other method, after a question": {"/api/v1/health", s.key, "100-continue", false, 405},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %t", name, http2), func(t *testing.T) {
				transport := &http.Transport{ExpectContinueTimeout: time.Second, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
				defer transport.CloseIdleConnections()
				var callers sync.WaitGroup
				defer callers.Wait()
				call := func(i int) {
					var reader io.Reader = bytes.NewReader(body)
					if tt.chunked {
						reader = io.MultiReader(reader)
					}
					r, err := http.NewRequest("POST", program.URL+tt.path, reader)
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Authorization", "Bearer "+tt.key)
					if tt.expect != "" {
						r.Header.Set("Expect", tt.expect)
					}
					resp, err := transport.RoundTrip(r)
					if err != nil {
						t.Errorf("call %d: %v", i, err)
						return
					}
					if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != tt.want && (tt.want != 400 || resp.StatusCode != 429) {
						t.Errorf("call %d: status %d, %v", i, resp.StatusCode, err)
					}
					resp.Body.Close()
				}
				for i := range 40 {
					callers.Go(func() { call(i) })
				}
			})
		}
	}
}
