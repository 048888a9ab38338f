// Package relay forwards an agent's answer to a browser while it is being made,
// as server-sent events (WHATWG HTML §9.2). This is a complete handler:
//
//	http.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) {
//		answer := client.ChatStream(r.Context(), clawhq.ChatRequest{Message: r.FormValue("q")})
//		if err := relay.SSE(w, r, answer, relay.Options{}); err != nil {
//			log.Print(err) // the browser gets only a status and a general message
//		}
//	})
//
// and this is the script of its page:
//
//	const source = new EventSource("/ask?q=" + encodeURIComponent(question));
//	source.onmessage = (e) => { output.textContent += JSON.parse(e.data).content };
//	source.addEventListener("done", () => source.close());
//	source.addEventListener("failure", (e) => { source.close(); alert(JSON.parse(e.data).error.message) });
//	source.onerror = () => source.close();
//
// # Events
//
// The events are those of ClawHQ's own streams (product page, "SSE
// Streaming"), with added names and ids:
//
//	id: 1
//	data: {"content":"Webhooks are "}
//
//	id: 2
//	event: done
//	data: [DONE]
//
// An answer is complete only if it ends with the event done. An answer that
// fails ends with the event failure:
//
//	id: 2
//	event: failure
//	data: {"error":{"status":504,"message":"The answer took too long. Please try again."}}
//
// While the agent is silent, a comment is sent every [Options.Heartbeat], so
// that proxies do not close the connection.
//
// # Errors
//
// If the answer fails before the first byte was sent, the browser gets an HTTP
// status, as returned by [Status], and the same JSON as its body:
// {"error":{"status":…,"message":…}}. The first byte is sent with the first
// chunk or with the first heartbeat, by default 15 seconds after the request.
// After that, the browser gets the event failure.
//
// SSE returns the error with all details, for the log. The browser gets only the
// status and a message that depends on the status: messages, codes and request
// ids of the service are not sent to it, unless [Options.Explain] says so. If
// clawhq.Retryable tells how long to wait, and that is an hour at most, the browser
// gets it as Retry-After and in the JSON.
//
// # When the browser disconnects
//
// When the browser disconnects, the context of its request ends, even while the
// agent is silent. This ends the call if the sequence was made with that context
// or one derived from it; the live service lets the agent finish all the same. (A
// page that reads the stream with fetch should abort it on pagehide, since browsers
// keep the connections of pages that the user may go back to.) If the browser
// stays connected but does not read, SSE gives up after [Options.WriteTimeout]. SSE
// returns when the sequence has ended. It leaves no goroutine and no timer behind,
// even if the sequence panics.
//
// # When the browser reconnects
//
// An EventSource that has lost its connection repeats its request, with the id of
// the last event in the header Last-Event-ID. Without [Options.Resume], SSE does
// not run the agent again, which would cost the account: it answers 204, after
// which the browser does not try again (§9.2.3).
//
// With Resume the answer goes on where it was. The ids count the chunks, so the
// event after id 7 is the eighth chunk. Resume needs the chunks, so they must be
// stored where it finds them. The answer is made once, by a goroutine of its own
// with a context of its own, which stores them; each connection reads what there
// is and waits for more.
//
//	// The first connection. ask is an id that the page has made up.
//	answer := begin(ask, func(ctx context.Context) iter.Seq2[clawhq.ChatChunk, error] {
//		return client.ChatStream(ctx, clawhq.ChatRequest{Message: r.FormValue("q")}) // not r.Context()
//	})
//	err := relay.SSE(w, r, answer.from(r.Context(), 0), relay.Options{
//		Resume: func(r *http.Request, after int) iter.Seq2[clawhq.ChatChunk, error] {
//			if answer := find(r.FormValue("ask")); answer != nil { // of this visitor
//				return answer.from(r.Context(), after)
//			}
//			return nil
//		},
//	})
//
// examples/webbackend has all of it, with answers in the memory of one process for a
// minute. If the browser may come back to another process, the chunks go through
// what the processes share. With Redis, a stream for each answer will do. The
// goroutine adds an entry when it begins, one for each chunk (XADD answer:ID *
// content …), and one that says how the answer ended. It sets EXPIRE answer:ID 60
// with each, and every 15 seconds while the agent is silent. A connection reads what
// there is and waits for more (XREAD BLOCK 15000 STREAMS answer:ID lastID, at first
// with 0), and leaves out the chunks that the browser has. If the process that makes
// the answer is killed, no entry says that it has ended: a connection that finds the
// stream expired (EXISTS) ends with an error.
//
// # Wrappers and proxies
//
// SSE flushes every event, also through a wrapper of the ResponseWriter that has
// an Unwrap method, as [http.ResponseController] requires. If a wrapper can
// neither be unwrapped nor flushed, like that of [http.TimeoutHandler], the
// browser gets the whole answer but may get it late, and a comment in the stream
// says so. The header X-Accel-Buffering asks proxies like nginx not to buffer
// the response, and Cache-Control asks them not to compress or store it.
package relay
