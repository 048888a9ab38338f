package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/server"
)

// The program stays under 256 MB under a part of the attacks that are possible,
// including the memory of the attacking clients.
func TestLasts(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(heapBytes))
	api := clawhqtest.NewServer(clawhqtest.WithInMemory(), clawhqtest.WithPlainHTTP(), clawhqtest.WithMemoryLimit(keptBytes))
	defer api.Close()
	api.SetRateLimit(api.KeyID(), 1e9)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	program := server.NewHTTPServer(api.Handler())
	go program.Serve(server.LimitConns(listener, server.MaxConns))
	defer program.Close()
	base := "http://" + listener.Addr().String() + "/api/v1"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()

	for _, load := range []struct {
		name         string
		calls        int
		method, path string
		key          string
		header       string
		body         func(i int) string
	}{
		{"health calls", 10_000, "GET", "/health", api.APIKey(), "", func(int) string { return "" }},
		{"bodies of 100 KB without a key", 1500, "POST", "/chat", "", "", func(int) string { return strings.Repeat("x", 100_000) }},
		{"bodies of 100 KB with one", 1500, "POST", "/chat", api.APIKey(), "", func(int) string { return strings.Repeat("x", 100_000) }},
		{"headers of 900 KB", 100, "GET", "/health", "", strings.Repeat("x", 900_000), func(int) string { return "" }},
		{"headers of 15 KB", 2500, "GET", "/health", "", strings.Repeat("x", 15_000), func(int) string { return "" }},
		{"sessions", 10_000, "POST", "/chat", api.APIKey(), "", func(i int) string { return fmt.Sprintf(`{"message": "hi", "session_id": "s%d"}`, i) }},
		{"long messages of threads", 1000, "POST", "/threads", api.APIKey(), "", func(i int) string {
			return fmt.Sprintf(`{"metadata": {"k": "%s"}, "message": "%s"}`, strings.Repeat("x", 3000), strings.Repeat("x", 9000))
		}},
	} {
		calls := make(chan int)
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for i := range calls {
					req, err := http.NewRequest(load.method, base+load.path, strings.NewReader(load.body(i)))
					if err != nil {
						t.Error(err)
						continue
					}
					req.Header.Set("Authorization", "Bearer "+load.key)
					req.Header.Set("X-Long", load.header)
					if resp, err := client.Do(req); err == nil { // the connection may be closed because of the header
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}
			})
		}
		for i := range load.calls {
			calls <- i
		}
		close(calls)
		callers.Wait()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		held := m.Sys - m.HeapReleased
		t.Logf("%6d %-32s %4d MB held, %3d MB of them live or not yet collected", load.calls, load.name, held>>20, m.HeapAlloc>>20)
		if held > 256<<20 {
			t.Errorf("%d MB are held after %d %s", held>>20, load.calls, load.name)
		}
	}
}
