// Package shaping keeps a client's attempts inside the server's sliding
// windows. It knows nothing of HTTP; package clawhq tells it when an attempt is
// written and what its reply says.
//
// # The model
//
// The server admits an attempt if fewer than limit were admitted in the 60
// seconds before it arrived, and counts it then, not when it is answered. The
// client knows when its attempts were sent, and what replies tell: the limit,
// and how many attempts had been counted when this one was.
//
//	moment  a time by a Set's clock                                clock.go
//	log     when own attempts were sent                            history.go
//	slot    an attempt's place in the log: limit of them in a span
//	margin  how long a slot outlasts the window                    margin.go
//	others  slots that other clients of the key seem to hold       others.go
//	gate    closed after a 429                                     gate.go
//	queue   callers that wait, retries first                       queue.go
//	plan    when the caller at place n may go                      plan.go
//	Turn    an attempt that was admitted, until its end            turn.go
//	Shaper  all of these for one window                            shaper.go
//	Set     a client's windows                                     set.go
//
// These hold at any time:
//   - Own attempts in any span of a window and a margin are no more than the
//     limit.
//   - What is guessed delays. Only what is proven refuses: a closed gate, and
//     own attempts against a limit that a reply has told within the last window,
//     or that none that is due can change.
//   - Retries go ahead of first attempts; else who came first goes first.
//   - A Turn ends once, on every path.
//   - Nothing sleeps with the mutex held, and only the head of a queue watches
//     the clock.
//
// # Plan
//
// An attempt waits for the latest of what stands against it: the gate, the
// spacing behind the gate, a slot, and a share of what others seem to have left.
// Example: a limit of 3, attempts sent at 0 s, 10 s and 20 s. At 30 s the head of
// the queue may go at 60.25 s, when the slot of 0 s is free; the second at
// 70.25 s, the fourth at 120.5 s, since the slots come round again. A caller
// with a deadline of 50 s is refused at once if a reply has told the limit.
//
// # Margin
//
// If an attempt sent at 0 s takes 800 ms to arrive, and the one that takes its
// slot at 60 s only 100 ms, they arrive 59.3 s apart: one too many. So slots
// outlast the window by 250 ms at least. What shows more: a reply to an attempt
// sent at 10 s says that 4 were counted, and 5 were sent until then, the last
// two at 9.6 s and 10 s. The one of 9.6 s was still under way, so travel times
// differ by 400 ms or more, and since one reply shows but a part, the margin
// becomes 800 ms. And a 429, though the log fills the window: the margin
// doubles. Until 20 replies have come that could have shown a spread, half the
// spread of answering times is taken for it.
//
// # Others
//
// A reply to an attempt sent at 100 s, answered at 100.2 s, says that 40 were
// counted. By the log, 10 to 12 own attempts may be among them, depending on how
// long those at the edges took to arrive. So at least 28 were others', and at
// most 30. The 28 are left to them: of 60 slots the client uses 32. When replies
// leave fewer open for 4 seconds, say at most 9, 9 are left to them: a slot that
// comes free is taken again a moment later by who had it. One and a half windows
// after the last reply that left 28 open, they are forgotten. While replies are
// due, and others are in evidence or nothing has been learned yet, the 30 count.
//
// One slot is always the client's own. If slots are few, an attempt is sent
// beyond them after 12 s without one, a probe; each that is admitted halves the
// interval, each 429 doubles it. A server that says "none left" in every reply
// and rejects nothing is so found out in half a minute.
//
// # Gate
//
// A 429 that asks for 5 seconds closes the gate for 5 seconds; one that asks for
// nothing, or more than is believed, for 1 s, then 2 s, and on to 60 s. With a
// limit of 60 attempts then go out a second apart, and after each that is
// admitted, half as far.
//
// # Windows
//
// The documentation counts all endpoints in the key's window; the live service
// counts chats and thread messages there, and gives every other endpoint a
// window of its own, whose limit it tells in the same header. A Request names
// its Window: the zero Window is the key's, any other name one beside it, as
// package wire has them. Each window learns from its own replies. From the first
// attempt beside the key's window on, attempts count in the window of all as
// well, as documented, until replies show otherwise. Example: 20 chats were
// answered in the last half minute; then a list of agents says that 1 attempt
// was counted. By the documentation it would be 21 at least: so windows are
// separate, whatever their sizes, and the window of all is dropped. Or 20 chats
// and 5 lists were sent at once, and no reply has counted more than 20, though
// the last to arrive would have counted 25. If others hide that, limits tell:
// the key's is 60, an upload's 10, and the key's is 60 again.
package shaping
