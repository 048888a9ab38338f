package shaping

import "time"

// A burst is a number of replies that are still arriving: how many attempts the
// service had counted is known, but not which of those that are outstanding it
// includes. Until all have come, the others may use as many slots as that.
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

// learning is how long replies bound the others by what they allow for, if none
// proves that there are any.
const learning = 4 * time.Second

// observe learns from a reply, which allows for so many attempts of others.
func (b *burst) observe(h *history, at moment, reach time.Duration, most int) {
	if at.Sub(b.at) > reach {
		b.most = 0
	}
	if most >= b.most {
		b.most, b.at = most, at
	}
	b.bound = b.most - h.answered.Within(b.at.Add(-reach), b.at.Add(reach))
}
