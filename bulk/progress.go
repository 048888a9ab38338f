package bulk

import (
	"time"

	"github.com/clawhq/clawhq-go"
)

// Progress says how far a run is.
type Progress struct {
	Answered int // results with an answer, those from the store included
	Failed   int // results with an Err, those from the store included
	Resumed  int // results from the store
	InFlight int // calls that are under way, or that wait for the rate limit
	Total    int // Options.Total

	Elapsed   time.Duration // since the loop began
	Remaining time.Duration // for the items that are left, at PerMinute; 0 if that or Total is not known
	PerMinute float64       // questions per minute that were asked and have ended, over the last 3 minutes; at most the key's limit

	// Reason is why nothing is sent at the moment: the reason of
	// clawhq.Trace.Waiting for the call that has waited longest, or that of a
	// pause of the run. It is empty if something is sent, and for a Client that
	// is not a *clawhq.Client.
	Reason string
}

// A report counts results and calls Options.Progress. It belongs to the goroutine
// of the loop.
type report struct {
	run    *run
	ticker *time.Ticker // nil without Progress
	start  time.Time

	answered, failed, resumed int

	// The rate is measured from the first question that was asked and has ended,
	// not counting that one: an agent may take a minute for it.
	first  time.Time // when it ended; zero before
	spans  [18]int   // how many questions have ended in each of the latest spans
	newest int       // the number of the latest span
}

const (
	span        = 10 * time.Second // the length of a span
	reportEvery = time.Second
)

func (r *run) newReport() *report {
	p := &report{run: r, start: time.Now()}
	if r.opts.Progress != nil {
		p.ticker = time.NewTicker(reportEvery)
	}
	return p
}

func (p *report) stop() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
}

func (p *report) tick() <-chan time.Time {
	if p.ticker == nil {
		return nil
	}
	return p.ticker.C
}

// count counts a result.
func (p *report) count(result Result) {
	if result.Err != nil {
		p.failed++
	} else {
		p.answered++
	}
	if result.Resumed {
		p.resumed++
		return
	}
	now := time.Now()
	if p.first.IsZero() {
		p.first = now
		return
	}
	p.advance(now)
	p.spans[p.newest%len(p.spans)]++
}

// advance begins new spans until the latest contains now.
func (p *report) advance(now time.Time) {
	for last := int(now.Sub(p.first) / span); p.newest < last; {
		p.newest++
		p.spans[p.newest%len(p.spans)] = 0
	}
}

// perMinute returns how many questions have ended per minute, at most limit if
// that is not 0.
func (p *report) perMinute(now time.Time, limit int) float64 {
	if p.first.IsZero() {
		return 0
	}
	p.advance(now)
	sum := 0
	for _, n := range p.spans {
		sum += n
	}
	since := p.first.Add(time.Duration(max(0, p.newest+1-len(p.spans))) * span)
	rate := float64(sum) / max(now.Sub(since), time.Second).Minutes()
	if limit > 0 {
		rate = min(rate, float64(limit))
	}
	return rate
}

// send calls Options.Progress.
func (p *report) send() {
	if p.ticker == nil {
		return
	}
	p.ticker.Reset(reportEvery)
	now, limit := time.Now(), 0
	client, real := p.run.client.(*clawhq.Client)
	if real {
		limit = client.RateLimit().Limit
	}
	progress := Progress{
		Answered:  p.answered,
		Failed:    p.failed,
		Resumed:   p.resumed,
		Total:     p.run.opts.Total,
		Elapsed:   now.Sub(p.start),
		PerMinute: p.perMinute(now, limit),
	}
	progress.InFlight, progress.Reason = p.run.state()
	if !real {
		progress.Reason = ""
	}
	rate := progress.PerMinute
	if rate == 0 && now.Sub(p.first) < span {
		rate = float64(limit) // nothing is measured yet
	}
	if left := progress.Total - p.answered - p.failed; left > 0 && rate > 0 {
		progress.Remaining = time.Duration(float64(left) / rate * float64(time.Minute))
	}
	p.run.opts.Progress(progress)
}

// state returns how many calls are under way, and why none is sent at the moment.
func (r *run) state() (inFlight int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first *call // of those that wait
	for c := range r.calls {
		if c.reason != "" && (first == nil || c.number < first.number) {
			first = c
		}
	}
	if first != nil {
		return len(r.calls), first.reason
	}
	return len(r.calls), r.held
}
