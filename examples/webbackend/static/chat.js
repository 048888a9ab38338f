// A chat with an agent: questions go to POST /ask, answers come as
// server-sent events.

const log = document.querySelector("#log");
const form = document.querySelector("#ask");
const [send, stop, fresh] = ["#send", "#stop", "#new"].map((id) => document.querySelector(id));

let leaving; // an AbortController while an answer is being made

// events yields the events of a response (WHATWG HTML §9.2.6) as they arrive.
// EventSource would do the same, but only for GET, and without telling why a
// request was refused.
async function* events(response) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return;
		text += value;
		for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
			const event = { event: "message", data: null };
			for (const line of text.slice(0, end).split("\n")) {
				const [, field, value] = line.match(/^(\w*): ?(.*)$/) ?? [];
				if (field) event[field] = value; // a line without one is a comment: the agent is thinking
			}
			if (event.data !== null) yield event;
		}
	}
}

// add adds an entry to the log and returns it. The text is never markup.
function add(who, text) {
	const entry = document.createElement("li");
	entry.className = who;
	entry.textContent = text;
	log.append(entry);
	log.scrollTop = log.scrollHeight;
	return entry;
}

// ask puts a question, and writes the answer into entry as it comes. It throws
// an error with a message for people if the answer is not whole.
async function ask(question, entry, signal) {
	const response = await fetch("/ask", { method: "POST", body: new URLSearchParams({ q: question }), signal });
	if (!response.ok) throw new Error((await response.json()).error.message);
	for await (const { event, data } of events(response)) {
		if (event === "done") return;
		if (event === "failure") throw new Error(JSON.parse(data).error.message);
		const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
		entry.append(JSON.parse(data).content);
		if (below) log.scrollTop = log.scrollHeight; // unless the reader has scrolled up
	}
	throw new Error("The connection was lost. Please ask again.");
}

// What was said survives a reload, as the conversation itself does.
for (const { who, text } of JSON.parse(sessionStorage.said ?? "[]")) add(who, text);
const keep = () => { sessionStorage.said = JSON.stringify([...log.children].map((e) => ({ who: e.className, text: e.textContent }))); };

async function submit() {
	const question = form.q.value.trim();
	if (!question || leaving) return;
	form.q.value = "";
	add("you", question);
	const entry = add("agent", "");
	entry.ariaBusy = "true"; // announced when it is whole
	leaving = new AbortController();
	send.hidden = !(stop.hidden = false);
	try {
		await ask(question, entry, leaving.signal);
	} catch (err) {
		const note = document.createElement("small");
		note.textContent = leaving.signal.aborted ? "Stopped." : err instanceof TypeError ? "The server cannot be reached." : err.message;
		entry.append(note);
	}
	entry.ariaBusy = "false";
	leaving = undefined;
	send.hidden = !(stop.hidden = true);
	keep();
	form.q.focus();
}

form.addEventListener("submit", (e) => { e.preventDefault(); submit(); });
form.q.addEventListener("keydown", (e) => {
	if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); }
});
stop.addEventListener("click", () => leaving?.abort()); // ends the call, too
addEventListener("pagehide", () => leaving?.abort()); // a page in the back/forward cache keeps its connections
fresh.addEventListener("click", async () => {
	leaving?.abort();
	await fetch("/new", { method: "POST" });
	log.replaceChildren();
	keep();
	form.q.focus();
});
