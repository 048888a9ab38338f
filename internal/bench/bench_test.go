package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
)

// What is measured is the right answer, for every subject and on every way.
func TestSubjects(t *testing.T) {
	chunks := []string{"one ", "\"two\"\n", "three"}
	loopback := httptest.NewServer(newService(chunks))
	defer loopback.Close()
	for way, all := range map[string][]subject{
		"in memory": subjects("http://localhost", &http.Client{Transport: newService(chunks)}),
		"loopback":  subjects(loopback.URL, loopback.Client()),
	} {
		for _, s := range all {
			if got, err := s.chat(t.Context()); err != nil || got != answer {
				t.Errorf("%s, %s: Chat returns %q, %v", s.name, way, got, err)
			}
			if s.stream == nil {
				continue
			}
			if got, err := s.stream(t.Context()); err != nil || got != len(strings.Join(chunks, "")) {
				t.Errorf("%s, %s: the stream has %d bytes, %v", s.name, way, got, err)
			}
		}
	}
}

// Allocations, without those of the transport.
func TestAllocations(t *testing.T) {
	const n = 1000
	service := newService(slicesOf("something ", n))
	c := ours("", "http://localhost", &http.Client{Transport: service}, clawhq.WithRateLimit(0))
	ctx := context.Background()
	transport := testing.AllocsPerRun(100, func() {
		must(service.RoundTrip(must(http.NewRequest("POST", "http://localhost/v1/chat", io.NopCloser(strings.NewReader(`{}`))))))
	}) - testing.AllocsPerRun(100, func() {
		must(http.NewRequest("POST", "http://localhost/v1/chat", io.NopCloser(strings.NewReader(`{}`))))
	})
	chat := testing.AllocsPerRun(100, func() { must(c.chat(ctx)) }) - transport
	chunk := testing.AllocsPerRun(100, func() { must(c.stream(ctx)) }) / n
	t.Logf("a Chat: %v allocations and %v of the transport; a chunk: %v", chat, transport, chunk)
	if chat > 28 || chunk > 1.05 {
		t.Errorf("a Chat takes %v allocations, at most 28 are allowed; a plain chunk %v, at most 1.05", chat, chunk)
	}
}
