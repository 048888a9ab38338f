package shaping

import "time"

// A burst is a group of attempts sent at nearly the same time, whose replies
// are still arriving. A reply tells how many attempts the service had counted,
// but not which of the outstanding ones are among them. Until these are
// answered, they count as attempts of others.
type burst struct {
	most int    // the highest number that a reply of the burst allows for
	at   moment // when the attempt of that reply was sent

	// bound is most without own attempts that were sent at nearly the same time and
	// have been answered since.
	bound int
}

// roundTrip is how long an unanswered attempt is taken to be on its way, so that
// other clients cannot have seen it yet.
const roundTrip = time.Second

// learning is how long after the first fact a burst may show others, if no
// reply proves that there are any.
const learning = 4 * time.Second

// observe learns from the reply to an attempt sent at the given time. most is
// how many attempts of others the reply allows for.
func (b *burst) observe(h *history, at moment, reach time.Duration, most int) {
	if at.Sub(b.at) > reach {
		b.most = 0
	}
	if most >= b.most {
		b.most, b.at = most, at
	}
	b.bound = b.most - h.answered.Within(b.at.Add(-reach), b.at.Add(reach))
}
