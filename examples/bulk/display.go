package main

import (
	"fmt"
	"os"
	"time"

	"github.com/clawhq/clawhq-go/bulk"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A display shows the progress of a run: as a bar on a terminal, as lines elsewhere.
type display struct {
	out  *os.File
	bar  *progressbar.ProgressBar // nil if out is no terminal
	last time.Duration            // when the last line was printed
	seen bulk.Progress
}

// lineEvery is how often a line is printed.
const lineEvery = 10 * time.Second

func newDisplay(out *os.File, total int) *display {
	d := &display{out: out}
	if term.IsTerminal(int(out.Fd())) {
		d.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(out),
			progressbar.OptionFullWidth(),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false), // the run knows better
			progressbar.OptionThrottle(100*time.Millisecond),
		)
	}
	return d
}

// progress is for bulk.Options.Progress.
func (d *display) progress(p bulk.Progress) {
	d.seen = p
	if d.bar != nil {
		d.bar.Describe(text(p))
		d.bar.Set(p.Answered + p.Failed)
		return
	}
	if p.Elapsed-d.last >= lineEvery {
		d.last = p.Elapsed
		fmt.Fprintf(d.out, "%d of %d: %s\n", p.Answered+p.Failed, p.Total, text(p))
	}
}

// end shows the end, also that of a run that was stopped.
func (d *display) end() {
	if d.bar != nil {
		d.bar.Exit()
		fmt.Fprintln(d.out)
	}
	fmt.Fprintf(d.out, "%d answered, %d failed, %d of these by an earlier run\n", d.seen.Answered, d.seen.Failed, d.seen.Resumed)
}

func text(p bulk.Progress) string {
	s := fmt.Sprintf("%d answered, %d failed, %.0f/min", p.Answered, p.Failed, p.PerMinute)
	if p.Remaining > 0 {
		s += fmt.Sprintf(", %v left", p.Remaining.Round(time.Second))
	}
	if p.Reason != "" && p.PerMinute == 0 {
		s += " (" + p.Reason + ")"
	}
	return s
}
