//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Figures of the two runs that the picture shows.
const (
	pictureLimit  = 120
	pictureLength = 6 * time.Minute
	awayFrom      = 180 * time.Second
	awayFor       = time.Minute
)

// paint writes an SVG file with the requests of four machines that share a Redis,
// and of four machines that do not.
func paint(ctx context.Context, dir, name string) error {
	runs := []*run{
		{shared: true, begin: awayFrom, fault: func(ctx context.Context, r *run) error {
			r.store.Kill()
			time.Sleep(awayFor)
			return r.store.Start()
		}},
		{},
	}
	err := together(runs, func(i int, r *run) error {
		r.limit, r.machines, r.even, r.length = pictureLimit, 4, time.Minute, pictureLength
		return r.do(ctx, filepath.Join(dir, fmt.Sprint("picture", i)))
	})
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(draw(runs[0], runs[1])), 0o644)
}

// A point is a request: when it arrived, and how many requests arrived in the
// minute up to it.
type point struct {
	at       time.Duration
	within   int
	rejected bool
}

func (r *run) points() (list []point) {
	for _, q := range r.requests {
		p := point{at: q.Time.Sub(r.start), within: 1, rejected: q.Status == 429}
		for j := len(list) - 1; j >= 0 && list[j].at > p.at-time.Minute; j-- {
			p.within++
		}
		list = append(list, p)
	}
	return list
}

// draw returns an SVG that is legible on light and dark pages. The run with a
// shared Redis is above the run without.
func draw(shared, alone *run) string {
	const left, width, height, gap = 46.0, 720.0, 150.0, 66.0
	const most = pictureLimit * 1.25
	var b strings.Builder
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, s)
	}
	x := func(at time.Duration) float64 { return left + width*at.Seconds()/pictureLength.Seconds() }
	b.WriteString("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 790 470\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#57606a\">\n")
	b.WriteString("<title>Requests of four machines within the last 60 seconds, with and without a shared Redis</title>\n<rect width=\"790\" height=\"470\" rx=\"6\" fill=\"#ffffff\"/>\n")
	for i, part := range []struct {
		r           *run
		color, name string
	}{
		{shared, "#1a7f37", "with a shared Redis, which is away for a minute"},
		{alone, "#bf8700", "without: each finds the others by what replies show"},
	} {
		top := 44 + float64(i)*(height+gap)
		y := func(n float64) float64 { return top + height*(1-n/most) }
		points := part.r.points()
		rejected := 0
		for _, p := range points {
			if p.rejected {
				rejected++
			}
		}
		text(left, top-12, "start", fmt.Sprintf("four machines, one key of %d RPM, %s: %d requests, %d of them rejected (dots)", pictureLimit, part.name, len(points), rejected))
		if part.r.fault != nil {
			fmt.Fprintf(&b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" fill=\"#eaeef2\"/>\n", x(part.r.begin), top, x(part.r.over)-x(part.r.begin), height)
		}
		for n := 0.0; n < most; n += 40 {
			fmt.Fprintf(&b, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#d8dee4\"/>\n", left, left+width, y(n), y(n))
			text(left-8, y(n)+4, "end", fmt.Sprint(n))
		}
		for m := 0; m <= int(pictureLength.Minutes()); m++ {
			text(x(time.Duration(m)*time.Minute), top+height+16, "middle", fmt.Sprintf("%d min", m))
		}
		fmt.Fprintf(&b, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#57606a\" stroke-dasharray=\"5 4\"/>\n", left, left+width, y(pictureLimit), y(pictureLimit))
		fmt.Fprintf(&b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", part.color)
		for at := time.Duration(0); at <= pictureLength; at += time.Second {
			n := 0
			for _, p := range points {
				if p.at <= at && p.at > at-time.Minute {
					n++
				}
			}
			fmt.Fprintf(&b, "%.1f,%.1f ", x(at), y(float64(n)))
		}
		b.WriteString("\"/>\n")
		for _, p := range points {
			if p.rejected {
				fmt.Fprintf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#d1242f\"/>\n", x(p.at), y(float64(p.within)))
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
