package bulk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/clawhq/clawhq-go"
)

type noClient struct{}

func (noClient) Chat(context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
	return nil, errors.New("asked")
}

// Items cost at most 100 bytes of memory each, all of them from a File of an earlier
// run. The number is one at which Go's maps have just grown, and so take the most
// for an item. A million items take a little less each.
func TestMemory(t *testing.T) {
	const n = 62_000
	path := filepath.Join(t.TempDir(), "answers")
	id := func(i int) string { return fmt.Sprint("customer-of-the-year-", i) }
	request := clawhq.ChatRequest{Message: "hi"}
	write(t, path, n, func(i int) Record {
		return Record{ID: id(i), RequestHash: requestHash(request), Response: "ok"}
	})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	store := open(t, path)
	var took int64
	items := func(yield func(Item, error) bool) {
		for i := range n {
			if i == n-1 {
				took = heap() - before
			}
			if !yield(Item{ID: id(i), Request: request}, nil) {
				return
			}
		}
	}
	resumed := 0
	for r, err := range Run(t.Context(), noClient{}, iter.Seq2[Item, error](items), Options{Job: "job", Store: store}) {
		if err != nil || !r.Resumed {
			t.Fatalf("got %+v, %v", r, err)
		}
		resumed++
	}
	t.Logf("%d bytes an item", took/n)
	if resumed != n || took > 100*n {
		t.Errorf("%d items were resumed, with %d bytes each; want %d, at most 100", resumed, took/n, n)
	}
}

// write writes a File with n records.
func write(t *testing.T, path string, n int, record func(int) Record) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	w.Write(encodeHeader("job"))
	for i := range n {
		w.Write(encode(record(i)))
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
