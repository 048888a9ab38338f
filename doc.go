// Package clawhq is a client for the ClawHQ API, which lets a program chat with
// hosted AI agents.
//
// # Chat
//
// A Client is made once, from the environment variable CLAWHQ_API_KEY or
// [WithAPIKey], and shared by all goroutines:
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
// Messages with one SessionID share their history. The context bounds the
// whole call, waits included; without a deadline, a call may take as long as
// its attempts and the waits between them.
//
// # Streams
//
// [Client.ChatStream] hands out the answer as it is made:
//
//	for chunk, err := range client.ChatStream(ctx, req) {
//		if err != nil {
//			return err // the text so far is not the whole answer
//		}
//		fmt.Print(chunk.Content)
//	}
//
// A stream that is cut off never looks like one that has ended: without the
// [DONE] of the protocol, or after an event that makes no sense, the last pair
// is a [*StreamError]. Leaving the loop, in whatever way, ends the request.
//
// # Errors
//
// What the server answers is an [*APIError] inside a type that says what kind
// of error it is; errors.As finds both:
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
// A code alone is matched by errors.Is(err, clawhq.CodeAgentOffline).
//
// The types are [*AuthenticationError], [*PermissionError],
// [*InvalidRequestError], [*NotFoundError], [*ConflictError],
// [*RateLimitError], [*AgentError], [*ServerError] and [*StreamError]. A
// request that cannot succeed is refused before it is sent, as an
// InvalidRequestError with StatusCode 0. Where no reply came, the error wraps
// its cause: the context's error, a *net.OpError and so on. No error, and
// nothing else that a Client prints, logs or marshals, shows a key.
//
// # Retries
//
// A call repeats what may well succeed the next time, as [RetryPolicy] says:
// up to 4 attempts under one idempotency key, waits with jitter, never earlier
// than the server's Retry-After, and never past the context's deadline. A
// budget, shared by all calls of a Client, keeps an outage from being
// multiplied.
//
// # Rate limits
//
// A key may make so many calls in any 60 seconds. A Client learns how many and
// keeps its calls inside that window: bursts go out at once while there is
// room, and what would be answered by 429 waits, in order, until there is. A
// call that cannot be admitted before its context ends is [ErrThrottled]; it is
// so ahead of its deadline only if replies prove that there will be no room.
// Endpoints that the service counts in windows of their own have theirs. See
// [WithRateLimit], [WithMaxRate] and [WithLimiter] to change that, and
// [Client.RateLimit] for what the server has said.
//
// # The rest of the API
//
// Each family of endpoints is a service of the Client:
//
//	client.Health, client.Usage  the service, and what the key was used for
//	client.Agents                deployed agents, and undeploying them
//	client.Models                what agents can run on
//	client.Conversations         what was said in the dashboard's chat
//	client.Threads               conversations that the service keeps
//	client.Batches               up to 50 questions at once
//	client.Files                 the knowledge base that agents answer from
//	client.AuditLog              what was done to the account
//	client.Do                    any endpoint that has no method
//
// A list has two methods: List returns a page, and All ranges over all rows,
// page by page as the loop goes, none of them twice:
//
//	for thread, err := range client.Threads.All(ctx, clawhq.ListOptions{}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(thread.ID, thread.UpdatedAt)
//	}
//
// What would have an effect twice, as a message to a thread does, is repeated
// only if the failure proves that nothing happened. A batch is created, and
// then waited for:
//
//	batch, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: requests})
//	if err != nil {
//		return err
//	}
//	batch, err = client.Batches.Wait(ctx, batch.ID) // give ctx a deadline
//
// A file is sent as it is read, never held in memory:
//
//	file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "handbook.md", Content: f})
//
// # Keys
//
// [Client.Keys] creates, lists, changes and revokes API keys, authenticated by
// the dashboard's session, [WithSession], which the client keeps as replies
// renew it. A key in use is changed without a restart by [WithAPIKeyFunc].
//
// # Webhooks
//
// [Client.Webhooks] creates, changes, tests and replays webhooks, by the same
// session. Package [github.com/clawhq/clawhq-go/webhook] receives what they
// deliver.
//
// # Browsers and traces
//
// Package [github.com/clawhq/clawhq-go/relay] hands a stream on to a browser.
// [WithLogger] logs, and [WithTrace] tells of, each step of a call.
//
// # Testing
//
// Package [github.com/clawhq/clawhq-go/clawhqtest] has a server for tests: the
// whole API in memory, with faults, in virtual time if need be.
package clawhq
