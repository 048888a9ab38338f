//go:build !race

// These tests run the program in processes of its own, which are built without the race
// detector.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// maxMB is how much memory the program may take under any attack, in MB.
const maxMB = 256

// attack runs an attack on the program, and checks the most memory that it takes.
func attack(t *testing.T, name string, run func(t *testing.T, p *process)) {
	t.Run(name, func(t *testing.T) {
		p := spawn(t, command(t, "-log", "off"))
		p.do("PATCH", "/keys/"+p.Keys[0].ID, `{"rpm": 100000}`, nil)
		run(t, p)
		peak := p.peakMB()
		t.Logf("%-32s peak %3d MB", name, peak)
		if peak >= maxMB {
			t.Errorf("the program took %d MB, want less than %d", peak, maxMB)
		}
		if response, body := p.chat(`{"message": "hi"}`); response.StatusCode != 200 && response.StatusCode != 429 {
			t.Errorf("after the attack: status %d, %s", response.StatusCode, body)
		}
	})
}

// chats posts n chats, several at a time.
func (p *process) chats(n int, body func(i int) string) {
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				request, _ := http.NewRequest("POST", p.base+"/v1/chat", strings.NewReader(body(int(i))))
				request.Header.Set("Authorization", "Bearer "+p.key)
				if response, err := p.client.Do(request); err == nil {
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			}
		})
	}
	callers.Wait()
}

// xs is a body of the letter x, without an end.
type xs struct{ ctx context.Context }

func (b xs) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(10 * time.Millisecond):
	}
	n := min(len(p), 512)
	return copy(p, bytes.Repeat([]byte("x"), n)), nil
}

// The program takes less than 256 MB under each of these attacks.
func TestMemory(t *testing.T) {
	attack(t, "endless bodies over HTTP/2", func(t *testing.T, p *process) {
		flood := filepath.Join(t.TempDir(), "flood")
		if out, err := exec.Command("go", "build", "-o", flood, "./internal/flood").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := exec.Command(flood, p.base+"/v1/chat").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	attack(t, "webhooks that never answer", func(t *testing.T, p *process) {
		deaf, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		go func() {
			for {
				conn, err := deaf.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
			}
		}()
		for range 5 {
			request, _ := http.NewRequest("POST", p.base+"/webhooks", strings.NewReader(fmt.Sprintf(`{"url": "http://%s/", "events": ["api.request"]}`, deaf.Addr())))
			request.Header.Set("Content-Type", "application/json")
			request.AddCookie(&http.Cookie{Name: "session", Value: p.Session})
			response, err := p.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != 200 {
				t.Fatalf("creating a webhook: status %d", response.StatusCode)
			}
		}
		p.chats(6000, func(int) string { return `{"message": "hi"}` })
	})
	attack(t, "one long session", func(t *testing.T, p *process) {
		message := strings.Repeat("x", 9000)
		p.do("POST", "/agents", `{"slug": "support-bot", "replies": ["`+message+`", {"chunks": ["a", "b"], "chunk_delay": "5s"}]}`, nil)
		p.chats(6000, func(i int) string {
			return fmt.Sprintf(`{"message": "%s", "session_id": "s", "agent": "sales-assistant"}`, message)
		})
		var streams sync.WaitGroup
		for range 1500 {
			streams.Go(func() {
				request, _ := http.NewRequest("POST", p.base+"/v1/chat", strings.NewReader(`{"message": "hi", "session_id": "s", "stream": true}`))
				request.Header.Set("Authorization", "Bearer "+p.key)
				if response, err := p.client.Do(request); err == nil {
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			})
		}
		streams.Wait()
	})
	attack(t, "large agents", func(t *testing.T, p *process) {
		reply := strings.Repeat("x", 900_000)
		refused := 0
		for i := range 320 {
			status, problem := p.control("POST", "/agents", fmt.Sprintf(`{"slug": "a%d", "replies": ["%s"]}`, i, reply), nil)
			if status == 400 && strings.Contains(problem, "agents: with these, all agents would take") {
				refused++
			}
		}
		if refused < 300 {
			t.Errorf("%d agents were refused", refused)
		}
	})
	attack(t, "slow bodies", func(t *testing.T, p *process) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 400 {
			go func() {
				request, _ := http.NewRequestWithContext(ctx, "POST", p.base+"/v1/chat", io.MultiReader(strings.NewReader(strings.Repeat("x", 20_000)), xs{ctx}))
				request.Header.Set("Authorization", "Bearer "+p.key)
				if response, err := p.client.Do(request); err == nil {
					response.Body.Close()
				}
			}()
		}
		p.do("GET", "/requests/wait?count=400&timeout=1m", "", nil)
		var journal struct {
			Requests []struct {
				DurationMS float64 `json:"duration_ms"`
			}
		}
		for range 5 { // the slow clients do not delay others
			p.call("GET", p.base+"/v1/health", "Bearer "+p.key, "")
			p.chat(`{"message": "hi"}`)
		}
		if p.do("GET", "/requests?method=GET", "", &journal); len(journal.Requests) != 5 {
			t.Errorf("%d health calls were answered", len(journal.Requests))
		}
		var slow struct{ Total int }
		if p.do("GET", "/requests?status=0", "", &slow); slow.Total == 0 {
			t.Error("the slow bodies had ended before the calls")
		}
	})
	attack(t, "sandboxes, all full", func(t *testing.T, p *process) {
		body := `{"message": "` + strings.Repeat("x", 9000) + `"}`
		var boxes []*program
		for range maxSandboxes {
			box, _ := p.sandbox("")
			boxes = append(boxes, box)
			box.do("POST", "/keys", `{"name": "fast", "key": "clw_0123456789abcdef0123456789abcdef", "rpm": 100000}`, nil)
			box.key = "clw_0123456789abcdef0123456789abcdef"
		}
		var callers sync.WaitGroup
		for worker := range 8 {
			callers.Go(func() {
				for i := worker; i < len(boxes); i += 8 {
					for range 40 {
						boxes[i].chat(body)
					}
				}
			})
		}
		callers.Wait()
		var journal struct{ Total int }
		if boxes[0].do("GET", "/requests", "", &journal); journal.Total == 0 {
			t.Error("the first sandbox has nothing for itself")
		}
	})
}

// A sandbox that has done nothing costs less than 100 KB.
func TestSandboxCost(t *testing.T) {
	p := start(t, "-log", "off")
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc + m.StackInuse)
	}
	p.sandbox("")
	before := heap()
	const n = 100
	for range n {
		p.sandbox("")
	}
	if each := (heap() - before) / n; each >= 100_000 {
		t.Errorf("a sandbox takes %d bytes", each)
	} else {
		t.Logf("a sandbox takes %d KB", each/1000)
	}
}

// With -control-from any and a token of the user's, other machines may call the
// control API.
func TestControlFromAny(t *testing.T) {
	t.Parallel()
	c := command(t, "-control-from", "any", "-host", "clawhq.test")
	if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 2 {
		t.Errorf("without a token: %v", err)
	}
	c = command(t, "-control-from", "any")
	c.Env = append(c.Environ(), "CLAWHQ_CONTROL_TOKEN=of-the-user")
	p := spawn(t, c)
	if p.ControlToken != "of-the-user" {
		t.Errorf("the token is %q", p.ControlToken)
	}
	p.do("GET", "/clock", "", nil)
	if response, body := p.call("GET", p.controlURL+"/clock", "Bearer wrong", ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("with another token: status %d, %s", response.StatusCode, body)
	}
	var a about
	if err := json.Unmarshal(p.about.json(), &a); err != nil {
		t.Fatal(err)
	}
}
