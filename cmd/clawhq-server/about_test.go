package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// With -json the program prints one line, and -ready-file has the same line as long
// as the program runs. With the certificate of -cert-out, a client needs nothing
// else.
func TestReadyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ready, cert := filepath.Join(dir, "ready.json"), filepath.Join(dir, "it's.pem")
	args := []string{
		"-addr", "127.0.0.1:0", "-json", "-ready-file", ready, "-cert-out", cert, "-host", "localhost", "-key", "ci:120", "-config", configFile(t, document),
	}
	const before = `{"control_url": "https://127.0.0.1:1/control"}`
	if err := os.WriteFile(ready, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var stdout, stderr buffer
	exited := make(chan int, 1)
	go func() { exited <- run(ctx, args, &stdout, &stderr) }()
	var text []byte
	for text == nil || string(text) == before { // until the file is there
		select {
		case code := <-exited:
			t.Fatalf("exit status %d: %s", code, &stderr)
		case <-time.After(time.Millisecond):
			text, _ = os.ReadFile(ready)
		}
	}
	if info, err := os.Stat(ready); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("-ready-file: %v, %v", info.Mode(), err)
	}
	var a about
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range a.Keys {
		names = append(names, k.Name)
	}
	if diff := cmp.Diff([]string{"ci", "spare", "default", "ci"}, names); diff != "" || a.APIKey != "clw_0123456789abcdef0123456789abcdef" || a.Certificate != cert || a.Session == "" ||
		!strings.HasPrefix(a.BaseURL, "https://localhost:") || !strings.HasPrefix(a.ControlURL, "https://127.0.0.1:") || !strings.HasPrefix(a.Dashboard, "https://localhost:") {
		t.Errorf("got %s", text)
	}

	roots := x509.NewCertPool()
	pem, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(pem) || bytes.Contains(pem, []byte("PRIVATE")) {
		t.Fatalf("-cert-out: %v, %s", err, pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	p := &program{t: t, client: &http.Client{Transport: transport}, controlURL: a.ControlURL, token: a.ControlToken}
	p.do("GET", "/clock", "", nil)
	if response, body := p.call("GET", strings.TrimSuffix(a.BaseURL, "/api")+"/ready", "", ""); response.StatusCode != 200 || body != "{\"ready\":true}\n" {
		t.Errorf("/ready: status %d, %s", response.StatusCode, body)
	}
	for _, k := range a.Keys {
		if response, body := p.call("GET", a.BaseURL+"/v1/models", "Bearer "+k.Key, ""); response.StatusCode != 200 && response.StatusCode != 429 && response.StatusCode != 503 {
			t.Errorf("key %s: status %d, %s", k.Name, response.StatusCode, body)
		}
	}
	for stdout.String() == "" { // it is written beside the work
		time.Sleep(time.Millisecond)
	}
	stop()
	if code := <-exited; code != 0 {
		t.Errorf("exit status %d: %s", code, &stderr)
	}
	if stdout.String() != string(text) {
		t.Errorf("stdout is %s, the file %s", &stdout, text)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("there are left %v, %v; want the certificate", left, err)
	}
}

func TestGreetingOfCertificate(t *testing.T) {
	t.Parallel()
	cert := filepath.Join(t.TempDir(), "c.pem")
	p := start(t, "-cert-out", cert, "-key", "ci:120")
	for _, want := range []string{
		"curl    --cacert " + quote(cert), "Go      SSL_CERT_FILE=", "Python  REQUESTS_CA_BUNDLE=", "Node    NODE_EXTRA_CA_CERTS=", " (ci)\n",
		"curl --cacert " + quote(cert) + " " + p.base + "/v1/chat",
	} {
		if !strings.Contains(p.greeting, want) {
			t.Errorf("the greeting lacks %q:\n%s", want, p.greeting)
		}
	}
	if got := quote("it's"); got != `'it'\''s'` {
		t.Errorf("quoted: %s", got)
	}
}

func TestFilesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no", "such")
	for _, flag := range []string{"-cert-out", "-ready-file"} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"-addr", "127.0.0.1:0", flag, missing}, &stdout, &stderr)
		if code != 1 || !strings.HasPrefix(stderr.String(), "clawhq-server: "+flag+": ") || stdout.Len() > 0 {
			t.Errorf("%s: exit status %d, stderr %s, stdout %s", flag, code, &stderr, &stdout)
		}
	}
}

// The certificate and the guard against rebound names accept the name of -host, and
// no others.
func TestHost(t *testing.T) {
	t.Parallel()
	p := start(t, "-host", "clawhq")
	local := strings.TrimSuffix(p.controlURL, "/control")
	if !strings.HasPrefix(p.base, "https://clawhq:") {
		t.Errorf("base URL %s", p.base)
	}
	for host, want := range map[string]int{"clawhq": 200, "evil.example": 421} {
		for path, credential := range map[string]string{"/api/v1/models": p.key, "/ready": "", "/control/clock": p.token} {
			request, _ := http.NewRequest("GET", local+path, nil)
			request.Host = host
			request.Header.Set("Authorization", "Bearer "+credential)
			response, err := p.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("host %s, %s: status %d, want %d", host, path, response.StatusCode, want)
			}
		}
	}
	if response, body := p.call("GET", local+"/v1/health", "", ""); response.StatusCode != 404 || !strings.Contains(body, "the base URL ends in /api, so this would be /api/v1/health") {
		t.Errorf("without the base path: status %d, %s", response.StatusCode, body)
	}
}

// Pages of the origins of -cors may call the API with a key, and nothing else.
func TestCORS(t *testing.T) {
	t.Parallel()
	const page = "http://localhost:5173"
	p := start(t, "-cors", page, "-cors", "https://app.example")
	for _, tt := range []struct {
		method, url, origin string
		status              int
		allowed             string
	}{
		{"OPTIONS", p.base + "/v1/chat", page, 204, page},
		{"GET", p.base + "/v1/models", page, 200, page},
		{"GET", p.base + "/v1/models", "https://app.example", 200, "https://app.example"},
		{"GET", p.base + "/v1/models", "https://evil.example", 403, ""},
		{"OPTIONS", p.base + "/v1/chat", "https://evil.example", 403, ""},
		{"GET", p.base + "/keys", page, 403, ""},
		{"OPTIONS", p.controlURL + "/clock", page, 403, ""},
	} {
		request, _ := http.NewRequest(tt.method, tt.url, nil)
		request.Header.Set("Origin", tt.origin)
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		request.Header.Set("Sec-Fetch-Mode", "cors")
		request.Header.Set("Access-Control-Request-Method", "POST")
		if tt.method != "OPTIONS" {
			request.Header.Set("Authorization", "Bearer "+p.key)
		}
		response, err := p.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		h := response.Header
		if response.StatusCode != tt.status || h.Get("Access-Control-Allow-Origin") != tt.allowed || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s %s from %s: status %d, headers %v; want %d", tt.method, tt.url, tt.origin, response.StatusCode, h, tt.status)
		}
		if tt.status == 200 && !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") ||
			tt.status == 204 && !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("%s from %s: headers %v", tt.method, tt.origin, h)
		}
	}
}
