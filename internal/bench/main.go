// Bench measures this SDK beside its peers and beside what one writes by hand,
// in one run, and prints the table of README.
//
//	go run . [-short]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	short := flag.Bool("short", false, "fewer and shorter rounds")
	flag.Parse()
	b := bench{rounds: 41, length: 40 * time.Millisecond}
	if *short {
		b = bench{rounds: 7, length: 20 * time.Millisecond}
	}
	fmt.Println("| | time | of by hand | allocations |\n|---|---|---|---|")
	b.chat("Chat, in memory", "http://localhost", &http.Client{Transport: newService(nil)})
	loopback := httptest.NewServer(newService(nil))
	b.chat("Chat, over loopback", loopback.URL, loopback.Client())
	loopback.Close()
	b.stream("ChatStream, a chunk", slicesOf("something ", 1000))
	b.stream("ChatStream, a chunk with escapes", slicesOf("\"some\tthing\" ", 1000))
	b.server()
	fmt.Println()
	longStream()
	manyStreams()
	shapedCalls()
}

// slicesOf returns n chunks of the text.
func slicesOf(text string, n int) []string {
	chunks := make([]string, n)
	for i := range chunks {
		chunks[i] = text
	}
	return chunks
}

type bench struct {
	rounds int
	length time.Duration
}

func row(what, name string, f figure, per int) {
	fmt.Printf("| %s: %s | %v | %.2f× | %.4g |\n", what, name, (f.each / time.Duration(per)).Round(time.Nanosecond), f.ratio, f.allocs/float64(per))
}

func (b bench) chat(what, url string, client *http.Client) {
	ctx := context.Background()
	all := subjects(url, client)
	all = append(all, ours("clawhq-go, shaped", url, client, clawhq.WithRateLimit(1<<30)))
	run := func(s subject) func() { return func() { must(s.chat(ctx)) } }
	for _, s := range all {
		row(what, s.name, measure(b.rounds, b.length, run(all[0]), run(s)), 1)
	}
}

func (b bench) stream(what string, chunks []string) {
	ctx := context.Background()
	all := subjects("http://localhost", &http.Client{Transport: newService(chunks)})
	run := func(s subject) func() { return func() { must(s.stream(ctx)) } }
	for _, s := range all {
		row(what, s.name, measure(b.rounds, b.length, run(all[0]), run(s)), len(chunks))
	}
}

// server measures the reference server: a whole life, and its throughput
// beside a handler that does no more than write the same reply.
func (b bench) server() {
	life := func() {
		s := clawhqtest.NewServer(clawhqtest.WithInMemory())
		must(s.Client().Chat(context.Background(), clawhq.ChatRequest{Message: question}))
		s.Close()
	}
	f := measure(b.rounds, b.length, life, life)
	fmt.Printf("| reference server: started, called once, closed | %v | | %.4g |\n", f.each.Round(time.Microsecond), f.allocs)

	s := clawhqtest.NewServer(clawhqtest.WithPlainHTTP())
	defer s.Close()
	s.HandleAgent("support-bot", clawhqtest.Reply(answer))
	calls := 0
	fresh := func() { // the journal grows until it is reset
		if calls++; calls%1000 == 1 {
			s.Reset()
			s.SetRateLimit(s.KeyID(), 1<<30)
		}
	}
	post := func(url string) func() {
		return func() {
			req := must(http.NewRequest(http.MethodPost, url, strings.NewReader(`{"message":"hi"}`)))
			req.Header.Set("Authorization", "Bearer "+s.APIKey())
			req.Header.Set("Content-Type", "application/json")
			resp := must(s.HTTPClient().Do(req))
			must(io.Copy(io.Discard, resp.Body))
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				panic(resp.Status)
			}
		}
	}
	bare := httptest.NewServer(newService(nil))
	defer bare.Close()
	chat := post(s.URL() + "/v1/chat")
	f = measure(b.rounds, b.length, post(bare.URL+"/v1/chat"), func() { fresh(); chat() })
	fmt.Printf("| reference server: throughput over loopback, of a bare handler's | %v | %.2f× | %.4g |\n", f.each.Round(time.Microsecond), 1/f.ratio, f.allocs)
}

// The cost of use does not grow with it.

func longStream() {
	ctx := context.Background()
	client := &http.Client{Transport: newService(slicesOf("something ", 1_000_000))}
	one := ours("", "http://localhost", client, clawhq.WithRateLimit(0))
	before := heap()
	peak := peakHeap(func() { must(one.stream(ctx)) })
	fmt.Printf("1,000,000 chunks in one stream: at most %d KiB held at once\n", (peak-before)>>10)
	runtime.KeepAlive(client) // not to be counted as freed meanwhile
}

func manyStreams() {
	ctx := context.Background()
	const streams = 10_000
	hold := make(chan struct{})
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	s.SetRateLimit(s.KeyID(), 1<<30)
	s.HandleAgent("support-bot", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if yield("one ", nil) {
				<-hold
				yield("two", nil)
			}
		}
	})
	c := s.Client(clawhq.WithRateLimit(0))
	before, goroutines := heap(), runtime.NumGoroutine()
	var begun, ended sync.WaitGroup
	begun.Add(streams)
	for range streams {
		ended.Go(func() {
			first := true
			for _, err := range c.ChatStream(ctx, clawhq.ChatRequest{Message: question}) {
				if err != nil {
					panic(err)
				}
				if first {
					first = false
					begun.Done()
				}
			}
		})
	}
	begun.Wait()
	fmt.Printf("10,000 streams at once: %d KiB and %.1f goroutines each, client, network and server together\n",
		(heap()-before)/streams>>10, float64(runtime.NumGoroutine()-goroutines)/streams)
	close(hold)
	ended.Wait()
	s.Close()
}

func shapedCalls() {
	ctx := context.Background()
	transport := &http.Client{Transport: newService(nil)}
	shaped := ours("", "http://localhost", transport, clawhq.WithRateLimit(1<<30))
	before, goroutines := heap(), runtime.NumGoroutine()
	for range 100_000 {
		must(shaped.chat(ctx))
	}
	fmt.Printf("100,000 calls within a minute through one shaped client: %d bytes a call held for the window, %d goroutines left\n",
		(heap()-before)/100_000, runtime.NumGoroutine()-goroutines)
	must(shaped.chat(ctx)) // keeps it alive
}

func heap() int64 {
	for range 3 { // what pools hold takes as many to go
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peakHeap returns the most that was live while f ran.
func peakHeap(f func()) (peak int64) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for {
		select {
		case <-done:
			return peak
		case <-time.After(10 * time.Millisecond):
			peak = max(peak, heap())
		}
	}
}
