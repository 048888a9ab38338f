// Package relay hands an agent's answer on to a browser as it is made, as
// server-sent events (WHATWG HTML §9.2). A handler is this long:
//
//	http.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) {
//		answer := client.ChatStream(r.Context(), clawhq.ChatRequest{Message: r.FormValue("q")})
//		if err := relay.SSE(w, r, answer, relay.Options{}); err != nil {
//			log.Print(err) // the browser was told less
//		}
//	})
//
// and a page:
//
//	const source = new EventSource("/ask?q=" + encodeURIComponent(question));
//	source.onmessage = (e) => { output.textContent += JSON.parse(e.data).content };
//	source.addEventListener("done", () => source.close());
//	source.addEventListener("failure", (e) => { source.close(); alert(JSON.parse(e.data).error.message) });
//	source.onerror = () => source.close();
//
// # What the browser gets
//
// The events are those of ClawHQ's own streams (product page, "SSE
// Streaming"), with names and ids added:
//
//	id: 1
//	data: {"content":"Webhooks are "}
//
//	id: 2
//	event: done
//	data: [DONE]
//
// An answer that ends without done is not whole. One that fails ends with
//
//	id: 2
//	event: failure
//	data: {"error":{"status":504,"message":"The answer took too long. Please try again."}}
//
// While the agent is silent, a comment goes out every [Options.Heartbeat], so
// that no proxy takes the connection for a dead one.
//
// # Errors
//
// Until the first byte is sent, an error is a status, that of [Status], with
// the same JSON as its body: {"error":{"status":…,"message":…}}. The first
// byte is that of the first chunk or of the first heartbeat, 15 seconds after
// the request; from then on, an error is the event failure.
//
// What went wrong in detail is returned to the handler, for its log. The
// browser is told the status and a sentence that depends on nothing else:
// messages, request ids and codes of the service, not to speak of keys, are no
// business of the browser's. [Options.Explain] says otherwise where an app
// wants it. A Retry-After is passed on if it is an hour at most: the live
// service has been seen to ask for 56,000 years.
//
// # When the browser leaves
//
// The context of its request ends, at once, also while the agent is silent,
// and the agent with it, provided that the sequence was made with that context
// or one derived from it. (A page that reads the stream with fetch has to abort
// it on pagehide: browsers keep the connections of pages that they may go back
// to.) A browser that stays but takes nothing is given up after
// [Options.WriteTimeout]. SSE returns when the sequence has ended, and leaves
// no goroutine or timer behind, not even if the sequence panics.
//
// # When the browser returns
//
// An EventSource whose connection was lost asks again by itself, and says
// which event it had last, in Last-Event-ID. An answer cannot be resumed, and
// the agent would make another one, at the account's expense. SSE answers
// with 204, on which the browser gives up (§9.2.3), and does not run the
// agent.
//
// # What stands in between
//
// Every event is flushed, through wrappers of the ResponseWriter that have an
// Unwrap method as [http.ResponseController] asks for. Behind one that can
// neither be unwrapped nor flushed, like that of [http.TimeoutHandler], the
// answer arrives whole, but not piece by piece; a comment in the stream says
// so. Proxies are asked not to buffer, by X-Accel-Buffering (nginx), and not
// to compress or store, by Cache-Control.
package relay
