package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	p := start(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(p.base, http.StatusFound))
	defer elsewhere.Close()
	for _, tt := range []struct {
		url    string
		status int
		want   string
	}{
		{strings.TrimSuffix(p.base, "/api") + "/ready", 0, ""},
		{p.base + "/v1/health", 1, "status 401"},
		{elsewhere.URL, 1, "status 302"},
		{"https://" + silent.Addr().String(), 1, "context deadline exceeded"},
		{"localhost:8787", 1, "it must be a URL"},
	} {
		var stdout, stderr buffer
		begun := time.Now()
		if code := run(t.Context(), []string{"-health", tt.url}, &stdout, &stderr); code != tt.status || !strings.Contains(stderr.String(), tt.want) || stdout.String() != "" {
			t.Errorf("%s: exit status %d, stderr %q, stdout %q", tt.url, code, &stderr, &stdout)
		}
		if took := time.Since(begun); took > 4*healthTimeout {
			t.Errorf("%s took %v", tt.url, took)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var stdout, stderr buffer
	if code := run(t.Context(), []string{"-version"}, &stdout, &stderr); code != 0 || !strings.HasPrefix(stdout.String(), "clawhq-server ") || stderr.String() != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

func TestLogOff(t *testing.T) {
	t.Parallel()
	p := start(t, "-log", "off")
	p.chat(`{"message": "hi"}`)
	p.stop()
	p.exited <- <-p.exited
	if log := p.stderr.String(); log != "" {
		t.Errorf("the log has %q", log)
	}
}
