package shaping

import "hash/maphash"

// keyWindows has the windows of an API key.
type keyWindows struct {
	id  uint64  // a hash of the key; 0 until it is known
	own *Shaper // the key's window

	// all is the common window of all attempts with the key. It is nil until the
	// first attempt in a separate window, since until then it is the same as the
	// key's window.
	all      *Shaper
	separate bool // replies have shown that there is no common window
}

// common returns the common window, nil if there seems to be none.
func (k *keyWindows) common() *Shaper {
	if k.separate {
		return nil
	}
	return k.all
}

// idle reports whether the windows can be forgotten.
func (k *keyWindows) idle(now moment) bool {
	last, ok := k.own.history.last()
	return k.own.history.outstanding == 0 && (!ok || now.Sub(last) >= memory)
}

// A keyring has the windows of the keys that were in use before, which are
// found by a hash of the key.
type keyring struct {
	seed   maphash.Seed
	before []*keyWindows
}

// UseKey tells the Set which key is in use from now on. If it has changed, callers
// that wait for the window of the previous key go on in that of the new one. A new
// key has no known limit but Config.Limit.
func (s *Set) UseKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.useKey(key)
}

func (s *Set) useKey(key string) {
	if s.keys.seed == (maphash.Seed{}) {
		s.keys.seed = maphash.MakeSeed()
	}
	id := maphash.String(s.keys.seed, key) | 1
	if s.key.id == 0 {
		s.key.id = id
	}
	if s.key.id == id {
		return
	}
	now, old := s.now(), s.key
	s.key = nil
	kept := s.keys.before[:0]
	for _, k := range s.keys.before {
		if k.id == id {
			s.key = k
		} else if !k.idle(now) {
			kept = append(kept, k)
		}
	}
	s.keys.before = append(kept, old)
	if s.key == nil {
		s.key = &keyWindows{id: id, own: s.newShaper(s.cfg.Limit, s.cfg.Unknown)}
	}
	s.key.separate = old.separate // how the server counts does not depend on the key
	s.key.own.queue, old.own.queue = old.own.queue, s.key.own.queue
	s.key.own.refuse(now)
	s.wake()
}

// UseKey is Set.UseKey for an admitted attempt that will be sent with the key. If it
// was admitted by the window of another key, it counts in the window of this key
// instead. If that window has no room, the attempt ends as if it had never been
// admitted, and admitted is false: it has to be admitted again.
func (t *Turn) UseKey(key string) (admitted bool) {
	if t == nil || t.set == nil {
		return true
	}
	s := t.set
	s.mu.Lock()
	defer s.mu.Unlock()
	s.useKey(key)
	if t.shaper == nil || t.key == s.key {
		return true
	}
	rank, own := t.rank, t.shaper
	if t.shaper == t.key.own {
		own = s.key.own
	}
	t.each(func(sh *Shaper) {
		sh.history.end(t.at, t.written)
		sh.history.forget(t.at, t.background())
	})
	t.shaper = nil
	now := s.now()
	if s.key.all == nil && own != s.key.own {
		s.key.all = s.key.own.clone()
	}
	p := s.plan(now, own, rank, 0)
	if p.at <= now {
		s.take(now, t, own, p, rank)
	}
	s.wake()
	return t.shaper != nil
}
