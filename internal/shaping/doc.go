// Package shaping keeps the attempts of a client within the server's sliding
// windows. It knows nothing of HTTP: package clawhq reports when an attempt was
// written and what its reply says.
//
//	set := shaping.NewSet(shaping.Config{Unknown: 30})
//	var turn shaping.Turn
//	if err := set.Admit(ctx, shaping.Request{}, &turn); err != nil {
//		return err // ctx ended, or there will be no room before its deadline
//	}
//	… // write the request
//	turn.Sent()
//	… // read the reply
//	turn.Answered(shaping.Reply{Success: true, Limit: 60, Counted: 12})
//
// # The model
//
// The server admits an attempt if it has admitted fewer than limit attempts in
// the 60 seconds before. It counts an attempt when the attempt arrives, not when
// it is answered. The client knows when its own attempts were sent, and what
// replies report: the limit, and how many attempts the server had counted.
//
//	moment  a time by a Set's clock                                     clock.go
//	log     the times at which own attempts were sent                   history.go
//	slot    the place of an attempt in the log; there are limit slots
//	margin  how long a slot stays taken after the window                margin.go
//	others  slots that other clients with the key seem to use           others.go
//	gate    closed after a 429                                          gate.go
//	queue   callers that wait, retries first                            queue.go
//	plan    when the n-th caller of the queue may go                    plan.go
//	Turn    an admitted attempt, until its end                          turn.go
//	Shaper  all of these for one window                                 shaper.go
//	Set     the windows of a client                                     set.go
//
// These rules always hold:
//   - In any period of a window and the margin, there are no more own attempts
//     than the limit.
//   - An estimate may delay an attempt but not refuse it. An attempt is refused
//     only on proof: because the gate is closed, or because own attempts fill a
//     limit that a reply has reported within the last window, or that no
//     outstanding reply can change.
//   - Retries are admitted before first attempts, otherwise attempts in the order
//     of their arrival. Those for which a Limiter has made room go before all
//     others, since they wait for the gate and Config.Max only.
//   - A Turn ends once, on every path.
//   - Nothing sleeps with the mutex held, and only the first caller of a queue
//     has a timer.
//
// # Plan
//
// An attempt waits for the latest of these: the gate, the spacing of attempts
// after the gate, a free slot, and a share of the slots that others seem to have
// left. For example, the limit is 3, and attempts were sent at 0 s, 10 s and 20 s.
// At 30 s, the first caller of the queue may go at 60.25 s, when the slot of 0 s
// is free; the second may go at 70.25 s; the fourth at 120.5 s, when the slot of
// the first is free. A caller with a deadline of 50 s is refused at once if a
// reply has reported the limit.
//
// # Margin
//
// If an attempt sent at 0 s takes 800 ms to arrive, and the attempt that takes its
// slot at 60 s takes only 100 ms, they arrive 59.3 s apart, and the server counts
// one too many. Therefore slots stay taken for a margin, at least 250 ms, after
// the window.
//
// Replies show when the margin must be larger. For example, the reply to an
// attempt sent at 10 s says that 4 attempts were counted, but 5 were sent until
// then, the last two at 9.6 s and 10 s. So the attempt of 9.6 s had not arrived
// yet: travel times differ by at least 400 ms. Since one reply shows only a part
// of the difference, the margin becomes 800 ms. After a 429 that should not have
// come according to the log, the margin doubles. Until 20 replies have come that
// could have shown a difference, half the spread of response times is taken for
// it.
//
// # Others
//
// For example, the reply to an attempt sent at 100 s and answered at 100.2 s says
// that 40 attempts were counted. According to the log, 10 to 12 of them may be own
// attempts, depending on how long some of these took to arrive. So 28 to 30 are
// those of others. The client leaves 28 slots to them: of 60 slots it uses 32.
//
// When replies during 4 seconds show that others have fewer slots, say at most 9,
// the client leaves them 9. It does not do so earlier, since a slot that becomes
// free is usually taken again by the client that had it. One and a half windows
// after the last reply that allowed for 28 attempts of others, they are
// forgotten. As long as replies are outstanding, the client counts with 30 if
// there is evidence of others or nothing was learned yet.
//
// One slot is always the client's own. If it has few slots, it sends an attempt
// beyond them, a probe, after 12 s without an attempt. Each probe that is admitted
// halves this interval, and each 429 doubles it. So a server that reports "none
// left" in every reply but rejects nothing is found out in half a minute.
//
// # Gate
//
// A 429 that asks for 5 seconds closes the gate for 5 seconds. A 429 that asks for
// nothing, or for longer than is believed, closes it for 1 s, then for 2 s, and so
// on up to 60 s. After that, with a limit of 60, attempts are sent one second
// apart, and half as far apart after each one that is admitted.
//
// # Windows
//
// According to the documentation, all endpoints count in the window of the key.
// The live service counts only chats and thread messages there, and every other
// endpoint in a separate window, whose limit it reports in the same header. A
// Request names its Window: the zero Window is that of the key, and package wire
// has the names of the others. Each window learns from its own replies.
//
// From the first attempt in a separate window on, attempts also count in a common
// window of all endpoints, as documented, until replies show that the windows are
// separate. For example, 20 chats were answered in the last half minute; then a
// list of agents reports that 1 attempt was counted. In a common window there
// would be at least 21. So the windows are separate, and the common window is
// dropped. In another example, 20 chats and 5 lists were sent at once, and no
// reply has counted more than 20, though the last to arrive would have counted 25
// in a common window. If the attempts of others hide this, the limits may show it:
// the key's is 60, that of uploads 10, and then the key's is 60 again.
package shaping
