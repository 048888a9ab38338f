package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// buffer is a bytes.Buffer that the program may still write to while a test
// reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program is a running server, and its output.
type program struct {
	t                             *testing.T
	base, key, session, dashboard string
	controlURL, token             string
	greeting                      string
	stderr                        *buffer
	client                        *http.Client

	stop   context.CancelFunc
	exited chan int
}

// start runs the program on a free port until the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	stdout, in := io.Pipe()
	p := &program{t: t, stderr: new(buffer), stop: stop, exited: make(chan int, 1)}
	go func() {
		p.exited <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in, p.stderr)
		in.Close()
	}()
	p.client = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	t.Cleanup(func() {
		stop()
		p.client.CloseIdleConnections()
		if code, ok := <-p.exited; ok && code != 0 {
			t.Errorf("exit status %d; stderr:\n%s", code, p.stderr)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		p.greeting += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			break
		}
		name, value, _ := strings.Cut(lines.Text(), "  ")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "Base URL":
			p.base = value
		case "API key":
			p.key = value
		case "Session":
			p.session = value
		case "Dashboard":
			p.dashboard = value
		case "Control":
			p.controlURL = value
		case "Token":
			p.token = value
		}
	}
	if p.base == "" || p.key == "" || p.session == "" || p.dashboard == "" || p.controlURL == "" || p.token == "" {
		t.Fatalf("the greeting lacks something:\n%s%s", p.greeting, p.stderr)
	}
	go io.Copy(io.Discard, stdout)
	return p
}

// chat posts a chat, and returns the reply after reading its body.
func (p *program) chat(body string) (*http.Response, string) {
	p.t.Helper()
	response := p.open(body)
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(reply)
}

// open posts a chat, and returns the reply with its body open.
func (p *program) open(body string) *http.Response {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.base+"/v1/chat", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+p.key)
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	return response
}

func TestServe(t *testing.T) {
	t.Parallel()
	p := start(t, "-rpm", "120", "-log", "json")
	if !strings.HasPrefix(p.base, "https://127.0.0.1:") || !strings.HasSuffix(p.base, "/api") {
		t.Errorf("base URL %q", p.base)
	}
	if want := "curl -k " + p.base + "/v1/chat"; !strings.Contains(p.greeting, want) {
		t.Errorf("the greeting lacks %q:\n%s", want, p.greeting)
	}

	response, body := p.chat(`{"message": "What are your business hours?", "agent": "support-bot"}`)
	var reply struct{ Response, Agent string }
	if err := json.Unmarshal([]byte(body), &reply); err != nil || response.StatusCode != 200 || reply.Response == "" || reply.Agent != "support-bot" {
		t.Errorf("chat: status %d, body %s", response.StatusCode, body)
	}
	if limit := response.Header.Get("X-RateLimit-Limit"); limit != "120" {
		t.Errorf("the first key's limit is %s, want 120", limit)
	}
	response, body = p.chat(`{"message": "hi", "stream": true}`)
	if response.Header.Get("Content-Type") != "text/event-stream" || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("stream: %s, body %q", response.Header.Get("Content-Type"), body)
	}

	// The dashboard's address signs in, and the session can then manage keys.
	login, err := p.client.Get(p.dashboard)
	if err != nil {
		t.Fatal(err)
	}
	login.Body.Close()
	if login.StatusCode != http.StatusSeeOther || len(login.Cookies()) != 1 || !login.Cookies()[0].Secure {
		t.Errorf("login: status %d, cookies %v", login.StatusCode, login.Cookies())
	}
	request, _ := http.NewRequest(http.MethodGet, p.base+"/keys", nil)
	request.AddCookie(login.Cookies()[0])
	_, token, _ := strings.Cut(p.dashboard, "token=")
	request.Header.Set("X-Dashboard-Token", token)
	keys, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if keys.Body.Close(); keys.StatusCode != http.StatusOK {
		t.Errorf("GET /keys: status %d", keys.StatusCode)
	}

	p.stop()
	if code := <-p.exited; code != 0 {
		t.Errorf("exit status %d", code)
	}
	close(p.exited)

	// The log has a line of JSON for each call, and no credential.
	var logged []string
	for line := range strings.Lines(p.stderr.String()) {
		var entry struct {
			Msg, Method, Path string
			Status            int
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		logged = append(logged, fmt.Sprint(entry.Msg, " ", entry.Method, " ", entry.Path, " ", entry.Status))
	}
	want := []string{
		"request POST /api/v1/chat 200", "request POST /api/v1/chat 200", "request GET /api/keys 200", "stopped   0",
	}
	if diff := cmp.Diff(want, logged); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	for _, credential := range []string{p.key, p.session, token, p.token} {
		if strings.Contains(p.stderr.String(), credential) {
			t.Errorf("the log holds a credential:\n%s", p.stderr)
		}
	}
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	p := start(t, "-http")
	if !strings.HasPrefix(p.base, "http://127.0.0.1:") || strings.Contains(p.greeting, "-k") {
		t.Errorf("greeting of -http:\n%s", p.greeting)
	}
	if response, body := p.chat(`{"message": "hi"}`); response.StatusCode != 200 {
		t.Errorf("status %d, body %s", response.StatusCode, body)
	}
}

// TestPlainRequestOnTLSPort calls a TLS server by http://, a likely mistake. The
// answer is the documented error, not noise.
func TestPlainRequestOnTLSPort(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.base = "http://" + strings.TrimPrefix(p.base, "https://")
	response, body := p.chat(`{"message": "hi"}`)
	var envelope struct{ Error struct{ Code, Type string } }
	if err := json.Unmarshal([]byte(body), &envelope); err != nil || response.StatusCode/100 != 4 || envelope.Error.Code != "invalid_request" {
		t.Errorf("status %d, body %q", response.StatusCode, body)
	}
}

func TestLiveProfile(t *testing.T) {
	t.Parallel()
	p := start(t, "-profile", "live", "-log", "text")
	if _, body := p.chat(`{"message": "hello"}`); !strings.Contains(body, `"response":"Echo: hello"`) {
		t.Errorf("body %s, want the live service's echo", body)
	}
	p.stop()
	if code := <-p.exited; code != 0 {
		t.Errorf("exit status %d", code)
	}
	close(p.exited)
	if log := p.stderr.String(); !strings.Contains(log, "msg=request method=POST path=/api/v1/chat status=200") {
		t.Errorf("log %q", log)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	p := start(t, "-plan", "free")
	if response, body := p.chat(`{"message": "hello"}`); response.StatusCode != 403 || !strings.Contains(body, "plan_required") {
		t.Errorf("status %d, body %s", response.StatusCode, body)
	}
}

// TestStopEndsLiveStreams stops the program in the middle of a stream whose
// agent would go on for hours.
func TestStopEndsLiveStreams(t *testing.T) {
	t.Parallel()
	p := start(t, "-agent-delay", "1h")
	response := p.open(`{"message": "hi", "stream": true}`)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	if first, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(first, `data: {"content":`) {
		t.Fatalf("first line %q, %v", first, err)
	}
	p.stop()
	rest, err := io.ReadAll(lines)
	want := "\ndata: {\"error\": {\"code\": \"stream_error\", \"message\": \"the server is shutting down\"}}\n\ndata: [DONE]\n\n"
	if err != nil || string(rest) != want {
		t.Errorf("the rest of the stream is %q, %v; want %q", rest, err, want)
	}
	if code := <-p.exited; code != 0 {
		t.Errorf("exit status %d", code)
	}
	close(p.exited)
}

func TestBadFlags(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that flags that are wrongly accepted do not start a server
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-nonsense"}, "flag provided but not defined: -nonsense"},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"-addr", "8787"}, `-addr "8787": not of the form host:port`},
		{[]string{"-http", "-addr", "0.0.0.0:8787"}, "-http is refused on 0.0.0.0:8787"},
		{[]string{"-http", "-addr", ":8787"}, "-http is refused on :8787"},
		{[]string{"-http", "-addr", "192.0.2.7:8787"}, "-http is refused on 192.0.2.7:8787"},
		{[]string{"-http", "-addr", "localhost.example:8787"}, "-http is refused on localhost.example:8787"},
		{[]string{"-profile", "dead"}, `-profile "dead": it must be documented or live`},
		{[]string{"-rpm", "45"}, "-rpm 45: the tiers are 30, 60, 120 and 300"},
		{[]string{"-rpm", "many"}, `invalid value "many" for flag -rpm`},
		{[]string{"-plan", ""}, "-plan is empty"},
		{[]string{"-agent-delay", "-1s"}, "-agent-delay -1s is negative"},
		{[]string{"-agent-delay", "slow"}, `invalid value "slow" for flag -agent-delay`},
		{[]string{"-fault", "500,nonsense"}, `fault "nonsense": unknown: the forms are 429:7, `},
		{[]string{"-key", "ci"}, `invalid value "ci" for flag -key: it must be a name and a tier of 30, 60, 120 or 300, for example ci:120`},
		{[]string{"-key", "ci:45"}, "it must be a name and a tier"},
		{[]string{"-host", "clawhq:8787"}, "it must be a host without a port"},
		{[]string{"-cors", "localhost:5173"}, "it must be a scheme, a host and optionally a port"},
		{[]string{"-cors", "http://localhost:5173/"}, "it must be a scheme, a host and optionally a port"},
		{[]string{"-cors", "*"}, "it must be a scheme, a host and optionally a port"},
		{[]string{"-http", "-cert-out", "x.pem"}, "-cert-out has no certificate to write with -http"},
		{[]string{"-config", "no/such/file"}, "-config no/such/file: "},
		{[]string{"-config", "."}, "-config .: "},
		{[]string{"-config", "main_test.go"}, "-config main_test.go: line 1: invalid character 'p'"},
		{[]string{"-log", "xml"}, `-log "xml": it must be text, json or off`},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(ctx, tt.args, &stdout, &stderr)
			line := stderr.String()
			if code != 2 || !strings.HasPrefix(line, "clawhq-server: ") || !strings.Contains(line, tt.want) ||
				strings.Count(line, "\n") != 1 || stdout.Len() > 0 {
				t.Errorf("exit status %d, stderr %q, stdout %q; want 2 and one line with %q", code, line, &stdout, tt.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit status %d, stderr %q", code, &stderr)
	}
	for _, flag := range []string{"-addr", "-http", "-profile", "-rpm", "-plan", "-agent-delay", "-fault", "-log",
		"-key", "-config", "-host", "-cors", "-strict-webhooks", "-json", "-ready-file", "-cert-out", "-version", "-health"} {
		if !strings.Contains(stdout.String(), "\n  "+flag) {
			t.Errorf("the usage lacks %s:\n%s", flag, &stdout)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-addr", listener.Addr().String()}, &stdout, &stderr)
	want := "clawhq-server: cannot listen on " + listener.Addr().String() + ": bind: address already in use\n"
	if code != 1 || stderr.String() != want {
		t.Errorf("exit status %d, stderr %q, want 1 and %q", code, &stderr, want)
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ listening, host, want string }{
		{"127.0.0.1:8787", "127.0.0.1", "127.0.0.1:8787"},
		{"127.0.0.1:40123", "localhost", "localhost:40123"},
		{"[::1]:8787", "::1", "[::1]:8787"},
		{"[::]:8787", "", "localhost:8787"},
		{"0.0.0.0:8787", "0.0.0.0", "localhost:8787"},
		{"[::]:8787", "::", "localhost:8787"},
		{"192.0.2.7:8787", "clawhq.test", "clawhq.test:8787"},
	} {
		if got := reachable(tt.listening, tt.host); got != tt.want {
			t.Errorf("reachable(%q, %q) = %q, want %q", tt.listening, tt.host, got, tt.want)
		}
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		host  string
		valid []string
	}{
		{"", []string{"localhost", "127.0.0.1", "::1"}},
		{"192.0.2.7", []string{"localhost", "127.0.0.1", "::1", "192.0.2.7"}},
		{"clawhq.test", []string{"localhost", "127.0.0.1", "::1", "clawhq.test"}},
	} {
		certificate, err := selfSigned(tt.host)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(certificate.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range tt.valid {
			if err := leaf.VerifyHostname(host); err != nil {
				t.Errorf("-addr host %q: %v", tt.host, err)
			}
		}
		if err := leaf.VerifyHostname("evil.example"); err == nil {
			t.Errorf("-addr host %q: valid for any name", tt.host)
		}
	}
}
