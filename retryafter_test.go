package clawhq_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0":                               0,
		"7":                               7 * time.Second,
		" 7 ":                             7 * time.Second,
		"007":                             7 * time.Second,
		"2.5":                             2500 * time.Millisecond,
		"0.0000000001":                    1, // rounded up, so that the client is never early
		"86400":                           24 * time.Hour,
		"Tue, 24 Nov 2026 12:00:30 GMT":   30 * time.Second, // IMF-fixdate
		"Tuesday, 24-Nov-26 12:00:30 GMT": 30 * time.Second, // RFC 850
		"Tue Nov 24 12:00:30 2026":        30 * time.Second, // asctime
		"Wed, 25 Nov 2026 12:00:00 GMT":   24 * time.Hour,
		"Tue, 24 Nov 2026 11:00:00 GMT":   0,

		// Nobody can mean these.
		"86400.5":                       0,
		"86401":                         0,
		"9223372036":                    0,
		"9223372037":                    0,
		"10000000000":                   0,
		"18446744074":                   0,
		"1793675129":                    0, // 1 to 60 is left of it, but it is no time in milliseconds
		"1793675129400":                 0, // 0 is left of it
		"1793675129461":                 0, // 61
		"99999999999999999999":          0,
		"Wed, 25 Nov 2026 12:00:01 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": 0,

		"-5":                            0,
		"+5":                            0,
		"5.":                            0,
		".5":                            0,
		"1e3":                           0,
		"0x10":                          0,
		"NaN":                           0,
		"Inf":                           0,
		"7 seconds":                     0,
		"soon":                          0,
		"":                              0,
		"Tue, 24 Nov 2026 12:00:30 CET": 0,
	} {
		if got := clawhq.ParseRetryAfter(value, time.Time{}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

// An HTTP date is by the server's clock, if the reply tells it.
func TestParseRetryAfterByTheServersClock(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, skew := range []time.Duration{0, time.Hour, -25 * time.Hour} {
		if got := clawhq.ParseRetryAfter("Tue, 24 Nov 2026 12:00:30 GMT", date, date.Add(skew)); got != 30*time.Second {
			t.Errorf("skew %v: got %v", skew, got)
		}
	}
}

// The live service sends the end of the clock's minute in milliseconds, less the
// present time in seconds. These were recorded, all without a Date.
func TestParseRetryAfterOfTheLiveService(t *testing.T) {
	t.Parallel()
	for value, seconds := range map[string]int{
		"1793675129406": 6, "1793745618847": 7, "1793745439050": 30, "1793745379111": 31,
		"1793675369194": 34, "1793745379130": 50, "1793745379131": 51, "1793745439078": 58,
	} {
		for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(1795470594, 0), time.Now()} {
			if got := clawhq.ParseRetryAfter(value, time.Time{}, now); got != time.Duration(seconds)*time.Second {
				t.Errorf("%s by a clock of %v: got %v, want %d s", value, now, got, seconds)
			}
		}
	}
}

// A Date of the service's own clock gives the time that was meant, one of another
// clock does no harm.
func TestParseRetryAfterWithDate(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 24, 12, 1, 0, 0, time.UTC) // the end of a minute
	value := func(end, now time.Time) string { return fmt.Sprint(end.UnixMilli() - now.Unix()) }
	for left := 1; left <= 60; left++ {
		now := end.Add(-time.Duration(left) * time.Second)
		for _, date := range []time.Time{{}, now, now.Add(time.Hour), now.Add(-time.Hour), now.AddDate(1, 0, 0), time.Unix(0, 0)} {
			if got := clawhq.ParseRetryAfter(value(end, now), date, time.Time{}); got != time.Duration(left)*time.Second {
				t.Errorf("%d s before the minute's end, Date %v: got %v", left, date, got)
			}
		}
	}
	// A moment passes until the reply gets its Date.
	now := end.Add(-30 * time.Second)
	if got := clawhq.ParseRetryAfter(value(end, now), now.Add(time.Second), time.Time{}); got != 29*time.Second+time.Millisecond {
		t.Errorf("Date a second later: got %v", got)
	}
	// A window that ends within a minute is told by the Date alone.
	end = end.Add(17500 * time.Millisecond)
	for _, tt := range []struct{ left, want time.Duration }{
		{500 * time.Millisecond, 500 * time.Millisecond}, {40500 * time.Millisecond, 40500 * time.Millisecond},
		{119500 * time.Millisecond, 119500 * time.Millisecond}, {120500 * time.Millisecond, 0}, {-500 * time.Millisecond, 0},
	} {
		date := end.Add(-tt.left)
		if got := clawhq.ParseRetryAfter(value(end, date), date, time.Time{}); got != tt.want {
			t.Errorf("%v before the window's end: got %v, want %v", tt.left, got, tt.want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "2.5", "-5", "1793675129406", "Tue, 24 Nov 2026 12:00:30 GMT", "9223372036.9999999999", "9999999999999.99"} {
		f.Add(s, int64(1e9))
	}
	f.Fuzz(func(t *testing.T, value string, date int64) {
		for _, date := range []time.Time{{}, time.Unix(date, 0)} {
			if d := clawhq.ParseRetryAfter(value, date, time.Unix(1e9, 0)); d < 0 || d > 24*time.Hour {
				t.Errorf("%q at %v: got %v", value, date, d)
			}
		}
	})
}
