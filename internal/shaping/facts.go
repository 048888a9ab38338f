package shaping

import (
	"math"
	"time"
)

// A fact is what replies have shown of a window.
type fact struct {
	at    moment // when the attempt was sent whose reply shows the fact; the first of them, if the fact joins several replies
	last  moment // when the last of them was sent
	told  moment // when the latest reply came that reported the limit; 0 if none has, as a 429 does not
	limit int

	// How many attempts of others the service had counted: at least so many,
	// and at most so many.
	least, most int

	counted  int  // the highest count that a reply has reported; -1 if a reply has reported none
	rejected bool // a 429 shows the fact, which counts only until a later reply shows otherwise
}

// facts has the latest facts about a window, in the order in which their attempts
// were sent. Everything that the client believes about others, and about the
// limit, is derived from them, so that it is forgotten when they are.
type facts struct {
	list []fact // not older than evidence, except that the latest is kept
}

const (
	// evidence is how long a fact counts. After a window, the attempts that the
	// service had counted have left the window, but the clients that made them may
	// be about to make others.
	evidence = Length * 3 / 2

	// outweighs is for how long all replies must allow for fewer attempts of others
	// than an earlier one has proved, to outweigh that one. Slots of others become
	// free in clumps, and are taken again as slowly as their agents answer.
	outweighs = 20 * time.Second

	// together is how close to each other two attempts must be sent for their
	// replies to make one fact.
	together = 5 * time.Second
)

// add adds a fact, and drops those that no longer count.
func (f *facts) add(now moment, n fact) {
	n.last = n.at
	i := len(f.list)
	for i > 0 && f.list[i-1].at > n.at {
		i--
	}
	if i > 0 && f.list[i-1].limit == n.limit && f.list[i-1].rejected == n.rejected && n.at.Sub(f.list[i-1].at) < together {
		f.list[i-1].merge(n)
	} else {
		f.list = append(f.list, fact{})
		copy(f.list[i+1:], f.list[i:])
		f.list[i] = n
	}
	old := 0
	for old < len(f.list)-1 && now.Sub(f.list[old].at) >= evidence {
		old++
	}
	if old > 0 {
		f.list = append(f.list[:0], f.list[old:]...)
	}
}

// merge joins a fact of the same limit and kind.
func (f *fact) merge(n fact) {
	f.last, f.told = max(f.last, n.last), max(f.told, n.told)
	f.least, f.most = max(f.least, n.least), max(f.most, n.most)
	if f.counted >= 0 {
		f.counted = max(f.counted, n.counted)
	}
	if n.counted < 0 {
		f.counted = -1
	}
}

// limit returns the limit of the window, 0 if no fact has one.
func (f *facts) limit() int {
	if n := len(f.list); n > 0 {
		return f.list[n-1].limit
	}
	return 0
}

// confirmed reports whether a reply has reported the limit within the last window.
func (f *facts) confirmed(now moment) bool {
	for i := len(f.list) - 1; i >= 0 && f.list[i].limit == f.limit(); i-- {
		if told := f.list[i].told; told != 0 && now.Sub(told) <= Length {
			return true
		}
	}
	return false
}

// others returns how many slots others use: the most that is proved, unless replies
// have outweighed the proof since. What a 429 shows is outweighed by the next reply.
// until is when the proof of n becomes too old; 0 if there is none.
func (f *facts) others(now moment) (n int, until moment) {
	limit := f.limit()
	ceiling := limit        // the most that the facts after i allow for, once they outweigh the fact at i
	replied := limit        // the most that any reply after i allows for
	last := len(f.list) - 1 // of the facts that together outweigh those before i
	for i := last; i >= 0; i-- {
		g := &f.list[i]
		if now.Sub(g.at) >= evidence || g.limit != limit {
			break
		}
		for last > i && f.list[last-1].last.Sub(g.at) >= outweighs {
			last--
		}
		if f.list[last].last.Sub(g.at) >= outweighs {
			most := 0
			for _, h := range f.list[i : last+1] {
				most = max(most, h.most)
			}
			ceiling = min(ceiling, most)
		}
		most := ceiling
		if g.rejected {
			most = min(most, replied)
		} else {
			replied = min(replied, g.most)
		}
		if g.least > n && g.least <= most {
			n, until = g.least, g.at.Add(evidence)
		}
	}
	return n, until
}

// replied reports whether a reply other than a 429 has proved that there are others.
func (f *facts) replied(now moment) bool {
	for _, g := range f.list {
		if g.least > 0 && !g.rejected && now.Sub(g.at) < evidence {
			return true
		}
	}
	return false
}

// highest returns the highest count that a reply to an attempt within the last
// window has reported. If one has reported none, that is math.MaxInt.
func (f *facts) highest(now moment) (n int) {
	for i := len(f.list) - 1; i >= 0 && now.Sub(f.list[i].last) < Length; i-- {
		switch g := &f.list[i]; {
		case g.rejected:
		case g.counted < 0:
			return math.MaxInt
		default:
			n = max(n, g.counted)
		}
	}
	return n
}

// begun returns when the attempt of the oldest fact was sent; 0 if there is no
// fact.
func (f *facts) begun() moment {
	if len(f.list) > 0 {
		return f.list[0].at
	}
	return 0
}
