package sse_test

import (
	"testing"

	"github.com/clawhq/clawhq-go/internal/sse"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	for head, stream := range map[string]bool{
		"data: {\"content\":\"a\"}\n\n": true,
		"data:":                         true,
		"data\n":                        true,
		"data\r\n":                      true,
		"\n\r\n\ndata: a":               true,
		"\uFEFFdata: a":                 true,
		"\uFEFF\n: comment":             true,
		":":                             true,
		": keep-alive\n\n":              true,
		"event: error\ndata: x\n\n":     true,
		"id: 1":                         true,
		"retry: 10":                     true,

		`{"response":"data: a"}`:  false,
		"<!DOCTYPE html>":         false,
		"data {":                  false,
		"database: a":             false,
		"Data: a":                 false,
		" data: a":                false,
		"idle":                    false,
		"\uFEFF\uFEFFdata: a":     false,
		"\xef\xbbdata: a":         false,
		"retry after 10 seconds.": false,
		"\x1f\x8b\x08":            false,
	} {
		if got, sure := sse.Sniff([]byte(head)); got != stream || !sure {
			t.Errorf("%q: got %v, %v", head, got, sure)
		}
	}
	for _, head := range []string{"", "\n", "d", "dat", "data", "e", "event", "i", "id", "retry", "\xef", "\xef\xbb", "\uFEFF", "\uFEFF\r\nda"} {
		if stream, sure := sse.Sniff([]byte(head)); stream || sure {
			t.Errorf("%q: got %v, %v", head, stream, sure)
		}
	}
}

// What is sure stays so, whatever comes after it.
func FuzzSniff(f *testing.F) {
	f.Add([]byte("\uFEFF\r\ndata: a"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var stream, sure bool
		for n := range len(in) + 1 {
			nextStream, nextSure := sse.Sniff(in[:n])
			if sure && (nextStream != stream || !nextSure) || nextStream && !nextSure {
				t.Fatalf("%q is %v, %v, and %q is %v, %v", in[:max(0, n-1)], stream, sure, in[:n], nextStream, nextSure)
			}
			stream, sure = nextStream, nextSure
		}
	})
}
