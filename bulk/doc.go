// Package bulk asks an agent many questions: thousands of rows of a table, over
// hours, at the full rate of the API key, beside people who chat, and across
// restarts.
//
//	store, err := bulk.OpenFile("answers.jsonl")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	items := func(yield func(bulk.Item, error) bool) {
//		for _, row := range rows {
//			if !yield(bulk.Item{ID: row.Key, Request: clawhq.ChatRequest{Message: row.Text}}, nil) {
//				return
//			}
//		}
//	}
//	for result, err := range bulk.Run(ctx, client, items, bulk.Options{Job: "tickets-2026-11", Store: store}) {
//		if err != nil {
//			return err // the run has ended before all items were asked
//		}
//		if result.Err != nil {
//			log.Printf("%s has no answer: %v", result.ID, result.Err)
//			continue
//		}
//		save(result.ID, result.Response.Response)
//	}
//
// [Run] reads items as it needs them, asks each with Client.Chat, and hands out
// the results as they come, not in the order of the items.
//
// # Pace
//
// The client's own rate shaping sets the pace: Run keeps a few calls waiting for
// it, and as many under way as the agent's answers take. Calls are made with
// clawhq.WithBackground, so that other calls of the same client go first, unless
// [Options.Foreground] is set.
//
// # Restarts
//
// With a [Store], an answer is saved before it is handed out. After a crash, a
// deploy or Ctrl-C, start the same job again with the same items: what was
// answered comes from the store, with [Result.Resumed] set, and the rest is asked
// under the same idempotency keys. So if the service has stored an answer that
// the earlier run did not receive, the agent is not run again; the service stores
// answers for 24 hours. If the agent had not finished its answer, it is run
// again: docs/acting-agents.md says what that means for agents that act.
//
// [OpenFile] is a Store in a file. It fails with [ErrInUse] while another process has
// the file open, and with [ErrFormat] if the file is damaged or of another kind. A run of
// another job fails with [ErrOtherJob]. A Store of your own needs two methods, for example on
// a table with the primary key (job, id). If it is a [Finder] too, Run looks up
// one record at a time. Otherwise Run loads all records when it begins, and holds
// them in memory.
//
// # Failures
//
//   - The service or the client refuses the question (*InvalidRequestError): a
//     Result with Err. It is saved, and not asked again.
//   - The question fails, even after the client's own retries, for a reason that
//     may pass (see clawhq.Retryable): it is asked again after a pause,
//     [Options.Tries] times. Then it is a Result with Err, which is not saved;
//     the next run asks again.
//   - The question fails for another reason, for example an untrusted
//     certificate: a Result with Err at once, which is not saved either.
//   - The key, the plan or the agent is refused: nothing is sent for a minute,
//     since a failed look-up of the live service looks the same. If the question
//     is then refused in the same way, the run ends with that error.
//   - No question is answered any more: after three failures in a row, questions
//     are sent one by one, at most 15 seconds apart, until one is answered. Of the
//     tries meanwhile, one in 5 minutes counts. So an outage of minutes fails no
//     question.
//   - The rate limit asks for a longer wait than the client's retries allow: the
//     run waits.
//
// # Conversations
//
// Items with the same SessionID are asked one at a time, in their order. Up to
// 1,024 items that wait for their conversation or for a repeat are held in memory.
// If there are more, reading goes on when some of them have ended.
package bulk
