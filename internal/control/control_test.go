package control

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// TestThisMachineOnly sends the right token from several addresses.
func TestThisMachineOnly(t *testing.T) {
	t.Parallel()
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	c, err := New(Config{Server: server, RPM: 60})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"127.0.0.1:4711", "127.0.0.1", http.StatusOK},
		{"[::1]:4711", "::1", http.StatusOK},
		{"[::ffff:127.0.0.1]:4711", "::1", http.StatusOK},
		{"192.0.2.7:4711", "192.0.2.7", http.StatusOK}, // this machine by its address
		{"192.0.2.8:4711", "192.0.2.7", http.StatusForbidden},
		{"[2001:db8::8]:4711", "2001:db8::7", http.StatusForbidden},
		{"nonsense", "127.0.0.1", http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, Path+"/clock", nil)
		r.RemoteAddr = tt.from
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(tt.to), Port: 8787}))
		r.Header.Set("Authorization", "Bearer "+c.Token())
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if c.config.AnyHost = true; tt.want == http.StatusForbidden {
			w := httptest.NewRecorder()
			if c.ServeHTTP(w, r); w.Code != http.StatusOK {
				t.Errorf("from %s to %s, from any host: status %d", tt.from, tt.to, w.Code)
			}
		}
		c.config.AnyHost = false
		if w.Code != tt.want {
			t.Errorf("from %s to %s: status %d, want %d", tt.from, tt.to, w.Code, tt.want)
		}
	}
}

// A reset, or the application of a document, is one step: each call sees the state
// before it or after it.
func TestResetUnderLoad(t *testing.T) {
	t.Parallel()
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	const key = "clw_0123456789abcdef0123456789abcdef"
	var start Document
	if err := decode([]byte(`{"keys": [{"name": "ci", "key": "`+key+`", "rpm": 100000}], "agents": [{"slug": "greeter", "replies": ["Hello."]}]}`), &start); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Server: server, RPM: 60, Start: start})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				r := httptest.NewRequest(http.MethodPost, "/api/v1/chat", strings.NewReader(`{"message": "hi", "agent": "greeter"}`))
				r.TLS = &tls.ConnectionState{}
				r.Header.Set("Authorization", "Bearer "+key)
				w := httptest.NewRecorder()
				server.Handler().ServeHTTP(w, r)
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"Hello."`) {
					t.Errorf("status %d, %s", w.Code, w.Body)
					return
				}
			}
		})
	}
	for range 300 {
		if _, err := c.reset(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	callers.Wait()
}

// docs/server.md has the bounds as they are.
func TestDocumentedBounds(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, want := range []string{
		fmt.Sprintf("a list may have %s entries", thousands(maxItems)),
		fmt.Sprintf("`rpm` is 1 to %s; default 60. There may be %s keys.", thousands(maxRPM), thousands(maxKeys)),
		fmt.Sprintf("All agents together may take %d MB.", maxAgentBytes>>20),
		fmt.Sprintf("Up to %s faults can be queued.", thousands(maxFaults)),
		fmt.Sprintf("If there are more than `limit` (default %s), the latest are returned.", thousands(maxShown)),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/server.md does not say: %s", want)
		}
	}
}

// thousands returns n as prose has it.
func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
