package shaping

import (
	"context"
	"testing"
)

// BenchmarkShaping is the cost of an attempt that need not wait: of its
// admission, and with what is learned from its reply, in a window that is half
// full on average.
func BenchmarkShaping(b *testing.B) {
	ctx := context.Background()
	for name, answered := range map[string]bool{"admission": false, "admission and reply": true} {
		b.Run(name, func(b *testing.B) {
			var s *Set
			var t Turn
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i %= 300; i == 0 {
					s = NewSet(Config{Limit: 300, Unknown: 30})
				}
				if err := s.Admit(ctx, Request{}, &t); err != nil {
					b.Fatal(err)
				}
				if answered {
					t.Answered(Reply{Success: true, Limit: 300, Counted: i + 1})
				}
			}
		})
	}
}
