package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// BenchmarkBare compares the server with a handler that reads the same requests and
// writes the same bytes. Both are called over loopback, in turns. The result is the
// ratio of the median times, on which other work of the machine has the least
// influence; 1 means equally fast.
func BenchmarkBare(b *testing.B) {
	for name, stream := range map[string]bool{"chat": false, "stream": true} {
		b.Run(name, func(b *testing.B) {
			s, key := New(Config{PlainHTTP: true, Limits: Limits{JournalEntries: 1000}})
			defer s.Close()
			s.SetRateLimit(s.FirstKeyID(), 1e9)
			served := httptest.NewServer(s)
			defer served.Close()
			body := chatBody(wire.ChatRequest{Message: "What are your business hours?", Stream: stream})
			call := func(url string) (http.Header, []byte) {
				req, _ := http.NewRequest("POST", url+chatPath, strings.NewReader(body))
				req.Header.Set("Authorization", "Bearer "+key)
				req.Header.Set("Content-Type", wire.ContentTypeJSON)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatalf("status %d, %v", resp.StatusCode, err)
				}
				return resp.Header, got
			}

			header, reply := call(served.URL)
			header.Del("Date")
			bare := httptest.NewServer(bareHandler(header, reply, stream))
			defer bare.Close()
			var took [2][]time.Duration
			for i := 0; b.Loop(); i++ {
				for j := range 2 {
					which := (i + j) % 2 // each comes first equally often
					start := time.Now()
					call([]string{served.URL, bare.URL}[which])
					took[which] = append(took[which], time.Since(start))
				}
			}
			b.ReportMetric(float64(median(took[1]))/float64(median(took[0])), "ratio")
			b.ReportMetric(float64(median(took[0])), "ns/call")
		})
	}
}

func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}

// bareHandler writes a reply, event by event if it is a stream.
func bareHandler(header http.Header, reply []byte, stream bool) http.Handler {
	parts := [][]byte{reply}
	if stream {
		parts = bytes.SplitAfter(reply, []byte("\n\n"))
		parts = parts[:len(parts)-1]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		if stream {
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
		}
		for _, part := range parts {
			w.Write(part)
			if stream {
				http.NewResponseController(w).Flush()
			}
		}
	})
}

func heapAndStacks() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// BenchmarkOpenStreams measures the memory of an open stream: the server's own, with
// the stream's goroutine but without net/http's connection.
func BenchmarkOpenStreams(b *testing.B) {
	const streams = 5000
	for b.Loop() {
		s, key := New(Config{PlainHTTP: true})
		s.SetRateLimit(s.FirstKeyID(), 1e9)
		for range streams {
			s.Inject(FaultStreamStall(3))
		}
		began := make(chan struct{}, streams)
		before := heapAndStacks()
		ended := make(chan struct{}, streams)
		for range streams {
			go func() {
				defer func() { recover(); ended <- struct{}{} }()
				r := httptest.NewRequest("POST", chatPath, strings.NewReader(`{"message": "hi", "stream": true}`))
				r.Header.Set("Authorization", "Bearer "+key)
				s.ServeHTTP(&chunkCounter{header: http.Header{}, began: began}, r)
			}()
		}
		for range streams {
			<-began
		}
		b.ReportMetric(float64(heapAndStacks()-before)/streams/1024, "KiB/stream")
		s.Close()
		for range streams {
			<-ended
		}
	}
}

// chunkCounter is a writer that reports when three chunks have been written.
type chunkCounter struct {
	header http.Header
	chunks int
	began  chan struct{}
}

func (c *chunkCounter) Header() http.Header { return c.header }
func (c *chunkCounter) WriteHeader(int)     {}
func (c *chunkCounter) Flush()              {}
func (c *chunkCounter) Write(b []byte) (int, error) {
	if c.chunks++; c.chunks == 3 {
		c.began <- struct{}{}
	}
	return len(b), nil
}
