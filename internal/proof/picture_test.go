package proof_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"golang.org/x/time/rate"
)

var picture = flag.String("picture", "", "file to draw calls over time into, as SVG")

// TestPicture draws the picture of docs/rate-limits.md. It shows over five minutes
// how many requests arrived in the last 60 seconds, with the client's own rate
// shaping and with a token bucket of the same rate.
//
//	go test -run TestPicture ./internal/proof -picture ../../docs/images/window.svg
func TestPicture(t *testing.T) {
	t.Parallel()
	const limit, length = 60, 5 * time.Minute
	shaped := arrivals(t, limit, length)
	bucket := arrivals(t, limit, length, clawhq.WithLimiter(rate.NewLimiter(rate.Every(time.Minute/limit), limit)))
	if most := busiest(shaped); most > limit {
		t.Errorf("shaped, %d requests arrived within a window", most)
	}
	if most := busiest(bucket); most <= limit {
		t.Errorf("with a token bucket, no more than %d requests arrived within a window: the picture says otherwise", most)
	}
	if *picture != "" {
		if err := os.WriteFile(*picture, []byte(draw(limit, length, shaped, bucket)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// An arrival is a request that reached the server.
type arrival struct {
	at       time.Duration
	rejected bool
	within   int // requests in the window up to this one
}

// arrivals runs 20 workers for the given time and returns the requests that
// arrived.
func arrivals(t *testing.T, limit int, length time.Duration, opts ...clawhq.Option) (list []arrival) {
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), limit)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		client := s.Client(append(opts, clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{s.HTTPClient().Transport, 20 * time.Millisecond, 100 * time.Millisecond}}))...)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if _, err := client.Chat(ctx, testkit.Hi); err != nil {
						time.Sleep(time.Second)
					}
				}
			})
		}
		wg.Wait()
		for i, r := range s.Requests() {
			a := arrival{at: r.Time.Sub(start), rejected: r.Status == http.StatusTooManyRequests, within: 1}
			for j := i - 1; j >= 0 && list[j].at > a.at-time.Minute; j-- {
				a.within++
			}
			list = append(list, a)
		}
	})
	return list
}

func busiest(list []arrival) (most int) {
	for _, a := range list {
		most = max(most, a.within)
	}
	return most
}

// draw returns an SVG that is legible on light and dark pages.
func draw(limit int, length time.Duration, shaped, bucket []arrival) string {
	const left, top, width, height = 46.0, 34.0, 720.0, 300.0
	most := float64(busiest(bucket)) * 1.1
	x := func(at time.Duration) float64 { return left + width*at.Seconds()/length.Seconds() }
	y := func(n float64) float64 { return top + height*(1-n/most) }
	var b strings.Builder
	line := func(list []arrival, color string) {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, color)
		for at := time.Duration(0); at <= length; at += 250 * time.Millisecond {
			n := 0
			for _, a := range list {
				if a.at <= at && a.at > at-time.Minute {
					n++
				}
			}
			fmt.Fprintf(&b, "%.1f,%.1f ", x(at), y(float64(n)))
		}
		b.WriteString("\"/>\n")
		for _, a := range list {
			if a.rejected {
				fmt.Fprintf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#d1242f\"/>\n", x(a.at), y(float64(a.within)))
			}
		}
	}
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, s)
	}
	rejected := 0
	for _, a := range bucket {
		if a.rejected {
			rejected++
		}
	}
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 790 390\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#57606a\">\n")
	b.WriteString("<title>Requests within the last 60 seconds, as the server counts them</title>\n<rect width=\"790\" height=\"390\" rx=\"6\" fill=\"#ffffff\"/>\n")
	text(left, 20, "start", "requests within the last 60 seconds, as the server counts them: 20 workers, a key of 60 RPM")
	for n := 0.0; n < most; n += 20 {
		fmt.Fprintf(&b, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#d8dee4\"/>\n", left, left+width, y(n), y(n))
		text(left-8, y(n)+4, "end", fmt.Sprint(n))
	}
	for m := 0; m <= int(length.Minutes()); m++ {
		text(x(time.Duration(m)*time.Minute), top+height+18, "middle", fmt.Sprintf("%d min", m))
	}
	fmt.Fprintf(&b, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#57606a\" stroke-dasharray=\"5 4\"/>\n", left, left+width, y(float64(limit)), y(float64(limit)))
	line(bucket, "#bf8700")
	line(shaped, "#1a7f37")
	for i, entry := range []struct{ color, s string }{
		{"#1a7f37", fmt.Sprintf("this client: %d requests, none rejected", len(shaped))},
		{"#bf8700", fmt.Sprintf("a token bucket of the same rate: %d requests, %d of them rejected (dots)", len(bucket), rejected)},
	} {
		at := left + float64(i)*270
		fmt.Fprintf(&b, "<rect x=\"%.0f\" y=\"%.0f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n", at, top+height+38, entry.color)
		text(at+20, top+height+44, "start", entry.s)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
