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
// To know why an attempt waits, read plan.go: it has one function for each reason.
// What these use is in
//
//	history.go  the log: when own attempts were sent
//	facts.go    what replies have shown: the limit, and others with the key
//	shaper.go   both for one window, and what follows from a reply
//
// The rest:
//
//	clock.go    moment: a time by a Set's clock
//	margin.go   how long a slot stays taken after the window
//	burst.go    which attempts may be others', while replies are still arriving
//	probing.go  when to look for room
//	gate.go     closed after a 429
//	queue.go    callers that wait, in the order of their ranks
//	keys.go     the windows of each API key
//	set.go      all windows of a client: Admit
//	turn.go     an admitted attempt, until its end
//	learn.go    what a Set learns from a reply
//
// These rules always hold:
//   - In any period as long as a window and the margin, there are no more own
//     attempts than the limit. An attempt that is not written yet keeps its
//     slot.
//   - An estimate may delay an attempt but not refuse it. An attempt is refused only
//     on proof: because the gate is closed, or because own attempts that were
//     written fill a limit that is certain. It is certain if a reply has reported it
//     within the last window, or if no reply is outstanding that could report
//     another. Callers ahead are no proof, since they may leave.
//   - Retries are admitted before first attempts, those in the background after all
//     others, otherwise attempts in the order of their arrival. Those for which a
//     Limiter has made room go before all others, since they wait for the gate and
//     Config.Max only.
//   - What replies have shown of others is forgotten at most one and a half windows
//     after the last reply that proved it. What a 429 has caused is forgotten after
//     the same time.
//   - A Turn ends once, on every path.
//   - Nothing sleeps with the mutex held, and only the first caller of a queue
//     has a timer.
//
// # Plan
//
// An attempt waits for the latest of these: the gate, the spacing of attempts
// after the gate, a free slot, the slots of others and the room left for them, a slot
// that is kept open, and in the background the spread. For example, the limit is 3,
// and attempts were sent at 0 s, 10 s and 20 s. At 30 s, the first caller of the queue
// may go at 60.25 s, when the slot of 0 s is free; the second may go at 70.25 s. A
// caller with a deadline of 50 s is refused at once if a reply has reported the limit.
//
// # Margin
//
// If an attempt sent at 0 s takes 800 ms to arrive, and the attempt that takes its
// slot at 60 s takes only 100 ms, they arrive 59.3 s apart, and the server counts
// one too many. Therefore slots stay taken for a margin, at least 250 ms, after
// the window.
//
// Replies show when the margin must be larger. For example, the reply to an
// attempt sent at 10 s says that 4 attempts were counted, but 5 were sent by
// then, the last two at 9.6 s and 10 s. So the attempt of 9.6 s had not arrived
// yet: travel times differ by at least 400 ms. Since one reply shows only a part
// of the difference, the margin becomes 1.2 s.
//
// After a 429 that the log explains, because own attempts filled the window or
// nearly so, the margin doubles. If no reply has shown a difference of travel times,
// others may have caused the 429: the margin is 250 ms again when a reply proves
// that there are others, and otherwise halves each time it has sufficed for about a
// minute.
//
// # Others
//
// For example, the reply to an attempt sent at 100 s says that 40 attempts were
// counted. According to the log, 10 to 12 of them may be own attempts, depending on
// how long the attempts sent close to 40 s and to 100 s took to arrive. So 28 to 30
// are those of others: 28 are proved, and 30 are allowed for.
//
// The client leaves to others the most that a reply has proved within the last 90 s.
// A proof is dropped earlier if the replies to all attempts of 20 s allow for fewer.
// A shorter time is not enough: a client that loses a slot usually takes it again,
// but only when its agents have answered. A reply that merely allows for a number
// does not prolong a proof. With the limit 60, the client has 60 - 28 = 32 slots.
//
// Of these it leaves some free, if a reply has proved others: 32²/(8·60), which is 2.
// A client that has nearly the whole window leaves an eighth of it, one with few
// slots leaves nothing. So a small caller finds room beside one that uses all it
// gets, and the shares of two clients that do so become even within minutes. Two
// equal ones use 97% of the limit.
//
// A 429 counts as a proof, too. If the log explains it, it proves one attempt of
// others; if not, it proves as many as fill the window. It counts until the next
// reply shows otherwise.
//
// A client that sees nobody, and uses all slots, keeps one slot free for 1.3 s, once
// a window, when its oldest slot becomes free. Newcomers come back after a
// Retry-After in whole seconds, up to a second late, and find it. Where a 429 names
// the end of the clock's minute instead, newcomers come back every 2 to 5.5 s, and
// the slot stays free for 6 s.
//
// One slot is always the client's own. If it has few slots, it sends an attempt
// beyond them, a probe, after 12 s without an attempt, or after 1 s if the latest
// reply has left room. Each probe that is admitted halves this interval, and each
// probe that gets a 429 doubles it. So a server that reports "none left" in every
// reply but rejects nothing is found out in half a minute.
//
// # Background
//
// Attempts in the background are admitted after all others. They are sent evenly over
// the window, and leave a tenth of it free while there is anyone else: attempts of
// this client that are not in the background, or others with the key.
//
// # Gate
//
// A 429 that asks for 5 seconds closes the gate for 5 seconds. A 429 that asks for
// nothing, or for longer than Config.Longest, closes it for 1 s, then for 2 s, and
// so on up to 60 s. After that, with a limit of 60, attempts are sent one second
// apart, and half as far apart after each one that is admitted.
//
// # Windows
//
// According to the documentation, all endpoints count in the window of the key.
// The live service counts only chats and thread messages there, and every other
// endpoint in a separate window of the account, whose limit it reports in the same
// header. A Request names its Window: the zero Window is that of the key, and package
// wire has the names of the others. Each window learns from its own replies.
//
// From the first attempt in a separate window on, attempts also count in a common
// window of all endpoints, as documented, until replies show that the windows are
// separate. For example, 20 chats were answered in the last half minute; then a list
// of agents reports that 1 attempt was counted. In a common window there would be at
// least 21. In another example, 20 chats and 5 lists were sent at once, and no reply
// has counted more than 20, though the last to arrive would have counted 25 in a
// common window. The log of the common window is kept all the same: a 429 that only
// the common window explains brings it back.
//
// Each API key has a window and a common window of its own. When the key changes,
// callers that wait go on in the window of the new key. Nothing is known of it if the
// key is used for the first time. The separate windows of the account stay.
package shaping
