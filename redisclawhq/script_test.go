package redisclawhq

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestParseAnswer reads a good answer, and gets an error for anything else.
func TestParseAnswer(t *testing.T) {
	t.Parallel()
	good := []any{"epoch", int64(1), int64(60), int64(2), int64(3), int64(4), int64(5), int64(6), int64(1), int64(7)}
	got, err := parseAnswer(good)
	want := answer{
		epoch: "epoch", version: 1, limit: 60, granted: 2, due: 3 * time.Microsecond, ask: 4 * time.Microsecond,
		proven: 5 * time.Microsecond, slow: 6 * time.Microsecond, lost: true, now: 7,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" || err != nil {
		t.Errorf("got error %v and (-want +got):\n%s", err, diff)
	}
	for name, v := range map[string]any{
		"nothing":       nil,
		"another type":  "OK",
		"too short":     good[:9],
		"too long":      append(good[:10:10], int64(8)),
		"no epoch":      append([]any{nil}, good[1:]...),
		"not a number":  append(good[:9:9], "7"),
		"a nil in it":   append(good[:9:9], nil),
		"an empty list": []any{},
	} {
		if got, err := parseAnswer(v); err == nil || !strings.Contains(err.Error(), "unexpected") {
			t.Errorf("%s: got %+v, %v, want an error", name, got, err)
		}
	}
}
