package shaping

import "time"

// answered learns from a reply other than a 429.
func (t *Turn) answered(now moment, r Reply) {
	own, all := t.shaper, t.key.all
	t.each(func(sh *Shaper) {
		if r.Success {
			sh.history.succeed(t.at)
			sh.gate.admitted()
		} else {
			sh.history.doubtful.Add(t.at)
		}
	})
	if t.probe && r.Success {
		t.counting().probing.ended(now, true)
	}
	if r.Limit == 0 {
		if r.Success && all != nil {
			all.know(now, fact{at: t.at, limit: all.limit(), most: all.limit(), counted: -1})
		}
		return
	}
	if r.Counted >= 0 {
		t.set.margin.observe(now, own.history.spread(t.at, r.Counted))
	}
	confirmed, limit := own.facts.confirmed(now), own.limit()
	t.each(func(sh *Shaper) {
		l, counted := r.Limit, r.Counted
		if sh == all {
			l = t.commonLimit(now, r.Limit)
		}
		if sh != t.counting() {
			counted = -1
		}
		sh.byMinute = r.ByMinute
		sh.learn(now, t.at, l, counted, t.rank <= rankElsewhere)
	})
	if r.Success && r.Counted >= 0 && all != nil && all.disproved(now, t.before, r.Counted) {
		t.key.separate = true
	}
	if t.counting().proved > 0 {
		t.set.margin.others(now)
	}
	if !confirmed || own.limit() != limit { // more is proven than was
		own.refuse(now)
	}
}

// counting returns the Shaper of the window in which the server seems to count the
// attempt.
func (t *Turn) counting() *Shaper {
	if all := t.key.common(); all != nil {
		return all
	}
	return t.shaper
}

// commonLimit returns the limit of the common window according to a reply. By the
// documented rule it is the key's, which every reply reports, but a window beside it
// may be smaller.
func (t *Turn) commonLimit(now moment, limit int) int {
	key, all := t.key.own, t.key.all
	switch {
	case t.shaper == key:
		return limit
	case key.facts.confirmed(now):
		return all.limit()
	case all.facts.confirmed(now):
		limit = max(limit, all.limit())
	}
	return max(limit, key.limit(), t.set.cfg.Unknown)
}

// rejected learns from a 429.
func (t *Turn) rejected(now moment, retryAfter time.Duration, byMinute bool) {
	own, all := t.shaper, t.key.common()
	t.each(func(sh *Shaper) {
		sh.history.forget(t.at, t.background())
		sh.byMinute = sh.byMinute || byMinute
		sh.gate.close(now, retryAfter, t.set.cfg.Longest, Length/time.Duration(max(sh.limit(), t.set.cfg.Unknown)))
	})
	counting, explained := t.counting(), own.filled(t.at) || all != nil && all.filled(t.at)
	switch {
	case explained:
		t.set.margin.widen(now, t.at)
		counting.rejected(now, t.at, true)
	case t.key.separate && t.key.all.filled(t.at):
		t.key.separate = false // a common window explains it
	default:
		counting.rejected(now, t.at, false)
	}
	if t.probe {
		counting.probing.ended(now, false)
	}
	own.refuse(now)
}
