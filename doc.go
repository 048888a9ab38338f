// Package clawhq is a client for the ClawHQ API, which lets a program chat with
// hosted AI agents.
//
// # Chat
//
// Create a Client once and share it between all goroutines. The API key comes
// from the environment variable CLAWHQ_API_KEY or from [WithAPIKey]:
//
//	client, err := clawhq.NewClient()
//	if err != nil {
//		return err
//	}
//	resp, err := client.Chat(ctx, clawhq.ChatRequest{
//		Message: "What are your business hours?",
//		Agent:   "support-bot",
//	})
//	if err != nil {
//		return err
//	}
//	fmt.Println(resp.Response)
//
// Messages with the same SessionID share their history. The context bounds the
// whole call, including all waits; give it a deadline.
//
// # Streams
//
// [Client.ChatStream] hands out the pieces of the answer as they arrive:
//
//	for chunk, err := range client.ChatStream(ctx, req) {
//		if err != nil {
//			return err // the text so far is not the whole answer
//		}
//		fmt.Print(chunk.Content)
//	}
//
// If the stream ends without the [DONE] of the protocol, or has a malformed
// event, the last pair has a [*StreamError]: a stream that was cut off never
// looks complete. Leaving the loop early ends the request.
//
// # Errors
//
// An error reply of the server is an [*APIError] inside a type for the kind of
// error. errors.As finds both:
//
//	var limited *clawhq.RateLimitError
//	if errors.As(err, &limited) {
//		retryLater(limited.RetryAfter)
//	}
//	var api *clawhq.APIError
//	if errors.As(err, &api) {
//		log.Print(api.RequestID, api.Code)
//	}
//
// To test for an error code, use errors.Is(err, clawhq.CodeAgentOffline).
//
// The types are [*AuthenticationError], [*PermissionError],
// [*InvalidRequestError], [*NotFoundError], [*ConflictError],
// [*RateLimitError], [*AgentError], [*ServerError] and [*StreamError]. If the
// client refuses a request because the service would refuse it, the error is an
// InvalidRequestError with StatusCode 0, and nothing is sent; only an upload whose
// size is not known is broken off when it turns out to be too large. If no reply
// came, the error wraps its cause: the context's error, a *net.OpError and so on.
// No error, and nothing else that a Client prints, logs or marshals, shows a key.
//
// # Retries
//
// A call repeats failed attempts that may succeed the next time, as
// [RetryPolicy] describes: up to 4 attempts with one idempotency key, after
// waits that are random, at least as long as the server's Retry-After, and
// never longer than the context's deadline allows. (After two kinds of replies,
// which RetryPolicy names, it asks sooner and more often.) A retry budget, shared
// by all calls of a Client, keeps retries from multiplying the load during an
// outage.
//
// # Rate limits
//
// The number of calls that an API key may make in any 60 seconds is limited. A
// Client learns the limit from replies and stays within it: as long as there is
// room, calls are sent at once; a call that the server would answer with 429
// waits, in order, until there is room. If the context ends first, the error
// matches [ErrThrottled]. A call fails before its deadline only if replies
// prove that there will be no room. Endpoints that the service counts
// separately are shaped separately.
//
// [WithRateLimit], [WithMaxRate] and [WithLimiter] change the rate shaping;
// [Client.RateLimit] returns the limit that the server has reported.
//
// # The rest of the API
//
// The other endpoints are grouped in services:
//
//	client.Health, client.Usage  state of the service; how many chats the key made
//	client.Agents                deployed agents
//	client.Models                the models that agents can run on
//	client.Conversations         conversations of the dashboard's chat
//	client.Threads               conversations that the service stores
//	client.Batches               up to 50 messages in one call
//	client.Files                 the knowledge base that agents answer from
//	client.AuditLog              changes of the account
//	client.Do                    any other endpoint
//
// A list has two methods. List returns a page. All returns an iterator over the
// whole list, which requests page after page and hands out no row twice:
//
//	for thread, err := range client.Threads.All(ctx, clawhq.ListOptions{}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(thread.ID, thread.UpdatedAt)
//	}
//
// A request that must not take effect twice, such as a message to a thread, is
// repeated only if the failure proves that nothing happened. Batches are
// processed in the background:
//
//	batch, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: requests})
//	if err != nil {
//		return err
//	}
//	batch, err = client.Batches.Wait(ctx, batch.ID) // give ctx a deadline
//
// A file is read while it is sent, and not held in memory:
//
//	file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "handbook.md", Content: f})
//
// # Many questions
//
// Package [github.com/clawhq/clawhq-go/bulk] asks thousands of questions at the
// full rate of the key, and goes on after a restart with those that were not
// answered. For job queues, [Retryable] says what to do after an error.
//
// # Keys
//
// Client.Keys creates, lists, changes and revokes API keys. It is authenticated
// by the dashboard's session, which is set by [WithSession]. With
// [WithAPIKeyFunc] a program can change its own key without a restart.
//
// # Webhooks
//
// Client.Webhooks creates, changes, tests and replays webhooks, with the same
// session. Package [github.com/clawhq/clawhq-go/webhook] receives what webhooks
// deliver.
//
// # Browsers, logs and traces
//
// Package [github.com/clawhq/clawhq-go/relay] forwards a stream to a browser, and
// goes on with it after a lost connection.
// [WithLogger] logs the attempts of each call, and [WithTrace] calls functions
// at each step of a call.
//
// # Testing
//
// Package [github.com/clawhq/clawhq-go/clawhqtest] has a server for tests: the
// whole API, in memory, with faults, and in virtual time if a test wants it.
package clawhq
