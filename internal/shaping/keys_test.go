package shaping

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// send makes an attempt under a key that is answered at once.
func send(t *testing.T, s *Set, key string, r Request, reply Reply) {
	t.Helper()
	var turn Turn
	for admitted := false; !admitted; {
		if err := s.Admit(t.Context(), r, &turn); err != nil {
			t.Fatal(err)
		}
		admitted = turn.UseKey(key)
	}
	turn.Sent()
	turn.Answered(reply)
}

// Callers that wait for the window of a key go on in that of the next as soon as it
// is seen, in their order. It has no known limit.
func TestKeyChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, s *Set){
		"reported": func(t *testing.T, s *Set) { s.UseKey("b") },
		"seen by an attempt": func(t *testing.T, s *Set) {
			send(t, s, "b", Request{Elsewhere: true}, Reply{Success: true, Limit: 60, Counted: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
				for i := range 2 {
					send(t, s, "a", Request{}, Reply{Success: true, Limit: 2, Counted: i + 1})
				}
				began := time.Now()
				var mu sync.Mutex
				var order []int
				var wg sync.WaitGroup
				for i := range 10 {
					wg.Go(func() {
						var turn Turn
						if err := s.Admit(t.Context(), Request{Retry: i >= 8}, &turn); err != nil {
							t.Error(err)
							return
						}
						if !turn.UseKey("b") {
							t.Error("not admitted under the key last seen")
						}
						mu.Lock()
						order = append(order, i)
						mu.Unlock()
						turn.Sent()
						turn.Answered(Reply{Success: true, Limit: 60, Counted: -1})
					})
					synctest.Wait()
				}
				time.Sleep(10 * time.Second)
				change(t, s)
				wg.Wait()
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("admitted after %v, want 10 s", took)
				}
				if got, want := fmt.Sprint(order[0]+order[1]), fmt.Sprint(8+9); got != want {
					t.Errorf("admitted in the order %v, want retries first", order)
				}
			})
		})
	}
}

// An attempt that was admitted by the window of one key, and gets another, counts in
// that one's window and gives its slot back.
func TestKeyChangesBeforeSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(Config{Unknown: 30})
		s.UseKey("a")
		send(t, s, "a", Request{}, Reply{Success: true, Limit: 2, Counted: 1})
		var turn Turn
		if err := s.Admit(t.Context(), Request{}, &turn); err != nil {
			t.Fatal(err)
		}
		if !turn.UseKey("b") {
			t.Fatal("no room in an unused window")
		}
		turn.Sent()
		turn.Answered(Reply{Success: true, Limit: 1, Counted: 1})
		s.UseKey("a")
		began := time.Now()
		if err := s.Admit(t.Context(), Request{}, &turn); err != nil || time.Since(began) != 0 {
			t.Fatalf("%v after %v: the slot of the first key is not free", err, time.Since(began))
		}
		if turn.UseKey("b") {
			t.Error("admitted under a key whose window is full")
		}
		if n, m := s.key.own.history.sent.Len(), s.key.own.history.outstanding; n != 1 || m != 0 {
			t.Errorf("%d attempts and %d outstanding in the window, want 1 and none", n, m)
		}
		if err := s.Admit(t.Context(), Request{}, &turn); err != nil || time.Since(began) < Length {
			t.Errorf("%v after %v, want a window's wait", err, time.Since(began))
		}
	})
}

// Windows of the account outlive a change of the key, and so does what is known of a
// key that comes back within minutes; later, its window is forgotten.
func TestKeysAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
		agents := Request{Window: Window{Name: "agents"}}
		for i := range 3 {
			send(t, s, "a", agents, Reply{Success: true, Limit: 3, Counted: i + 1})
		}
		send(t, s, "a", Request{}, Reply{Success: true, Limit: 1, Counted: 1})
		s.UseKey("b")
		began := time.Now()
		send(t, s, "b", agents, Reply{Success: true, Limit: 3, Counted: 3})
		if took := time.Since(began); took < 59*time.Second {
			t.Errorf("the window of the account had room after %v", took)
		}
		if n := s.key.own.limit(); n != 0 {
			t.Errorf("the new key's limit is %d, want it unknown", n)
		}
		if s.UseKey("a"); s.key.own.limit() != 1 {
			t.Errorf("the limit of a key that comes back is %d, want 1", s.key.own.limit())
		}
		for i := range 1000 {
			time.Sleep(time.Second)
			send(t, s, fmt.Sprint(i), Request{}, Reply{Success: true, Limit: 60, Counted: 1})
		}
		if n, most := len(s.keys.before), int(memory/time.Second)+1; n > most {
			t.Errorf("the windows of %d keys are kept, want at most %d", n, most)
		}
	})
}
