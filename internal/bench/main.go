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
	memory := &http.Client{Transport: newService(nil)}
	loopback := httptest.NewServer(newService(nil))
	head(subjects("http://localhost", memory))
	b.chat("`Chat`, in memory", subjects("http://localhost", memory))
	b.chat("`Chat`, over loopback", subjects(loopback.URL, loopback.Client()))
	loopback.Close()
	b.stream("`ChatStream`, a chunk", "something ")
	b.stream("a chunk with escapes", "\"some\tthing\" ")
	fmt.Println()
	b.server()
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

// row prints a row with a cell for each figure, empty if that was not measured.
func row(what string, figures []figure, cell func(figure) string) {
	fmt.Printf("| %s |", what)
	for _, f := range figures {
		if f.rounds == nil {
			fmt.Print(" |")
		} else {
			fmt.Printf(" %s |", cell(f))
		}
	}
	fmt.Println()
}

func head(all []subject) {
	fmt.Print("| |")
	for _, s := range all {
		fmt.Printf(" %s |", s.name)
	}
	fmt.Println("\n|---|" + strings.Repeat("---|", len(all)))
}

func (b bench) chat(what string, all []subject) {
	fs := make([]func(), len(all))
	for i, s := range all {
		fs[i] = func() { must(s.chat(context.Background())) }
	}
	figures := measure(b.rounds, b.length, fs)
	row(what, figures, func(f figure) string { return fmt.Sprint(f.each().Round(100 * time.Nanosecond)) })
	row("relative to by hand", figures, func(f figure) string { return fmt.Sprintf("%.2f×", f.of(figures[0])) })
	row("relative to bare", figures, func(f figure) string { return fmt.Sprintf("%.2f×", f.of(figures[1])) })
	row("allocations", figures, func(f figure) string { return fmt.Sprint(f.allocs) })
}

func (b bench) stream(what, text string) {
	const n = 1000
	all := subjects("http://localhost", &http.Client{Transport: newService(slicesOf(text, n))})
	fs := make([]func(), len(all))
	for i, s := range all {
		if s.stream != nil {
			fs[i] = func() { must(s.stream(context.Background())) }
		}
	}
	figures := measure(b.rounds, b.length, fs)
	row(what, figures, func(f figure) string { return fmt.Sprint((f.each() / n).Round(time.Nanosecond)) })
	row("relative to by hand", figures, func(f figure) string { return fmt.Sprintf("%.2f×", f.of(figures[0])) })
	row("allocations", figures, func(f figure) string { return fmt.Sprintf("%.4g", f.allocs/n) })
}

// server measures the reference server: a whole life, and its throughput
// beside a handler that does no more than write the same reply.
func (b bench) server() {
	life := func() {
		s := clawhqtest.NewServer(clawhqtest.WithInMemory())
		must(s.Client().Chat(context.Background(), clawhq.ChatRequest{Message: question}))
		s.Close()
	}
	f := measure(b.rounds, b.length, []func(){life})[0]
	fmt.Printf("A reference server in memory: started, called once and closed in %v, %.4g allocations\n", f.each().Round(time.Microsecond), f.allocs)

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
	both := measure(b.rounds, b.length, []func(){post(bare.URL + "/v1/chat"), func() { fresh(); chat() }})
	fmt.Printf("A reference server over loopback: %.2f of the throughput of a handler that does no more than write the same reply\n", both[0].of(both[1]))
}

// The cost of use does not grow with it.

func longStream() {
	c := newClient("http://localhost", &http.Client{Transport: newService(slicesOf("something ", 1_000_000))})
	before, peak, chunks := heap(), int64(0), 0
	for _, err := range c.ChatStream(context.Background(), clawhq.ChatRequest{Message: question}) {
		if err != nil {
			panic(err)
		}
		if chunks++; chunks%100_000 == 0 {
			peak = max(peak, heap())
		}
	}
	fmt.Printf("1,000,000 chunks in one stream: at most %d KiB held at once\n", (peak-before)>>10)
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
