// A chat with an agent: questions go to POST /ask, answers come as
// server-sent events. A lost connection or a reload is no end: the server has
// the rest of the answer.

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

// ask puts a question, and writes the answer into entry as it comes, over as many
// connections as it takes: asked has the question, an id, and the id of the last
// event. It throws an error with a message for people if the answer is not whole.
async function ask(asked, entry, signal) {
	for (let lost = 0; ; lost++) {
		let refused;
		try {
			const body = new URLSearchParams({ q: asked.q, id: asked.id });
			const headers = asked.last ? { "Last-Event-ID": asked.last } : {};
			const response = await fetch("/ask", { method: "POST", body, headers, signal });
			if (response.status === 204) throw (refused = new Error("The answer is not there any more. Please ask again."));
			if (!response.ok) throw (refused = new Error((await response.json()).error.message));
			for await (const { event, id, data } of events(response)) {
				if (event === "done") return;
				if (event === "failure") throw (refused = new Error(JSON.parse(data).error.message));
				const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
				entry.append(JSON.parse(data).content);
				if (below) log.scrollTop = log.scrollHeight; // unless the reader has scrolled up
				[asked.last, lost] = [id, 0];
			}
		} catch (err) {
			if (refused || signal.aborted) throw err;
		}
		if (!asked.last || lost === 5) throw new Error("The server cannot be reached.");
		await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** lost));
	}
}

// What was said survives a reload, as the conversation itself does.
for (const { who, text } of JSON.parse(sessionStorage.said ?? "[]")) add(who, text);
let asked; // the question whose answer is being made
function keep() {
	sessionStorage.said = JSON.stringify([...log.children].map((e) => ({ who: e.className, text: e.textContent })));
	sessionStorage.asked = JSON.stringify(asked ?? null);
}

// answer has a question answered, in entry.
async function answer(question, entry) {
	asked = question;
	entry.ariaBusy = "true"; // announced when it is whole
	leaving = new AbortController();
	send.hidden = !(stop.hidden = false);
	keep();
	try {
		await ask(asked, entry, leaving.signal);
	} catch (err) {
		if (left) return; // the page comes back for the rest
		const note = document.createElement("small");
		note.textContent = leaving.signal.aborted ? "Stopped." : err.message;
		entry.append(note);
	}
	entry.ariaBusy = "false";
	asked = leaving = undefined;
	send.hidden = !(stop.hidden = true);
	keep();
	form.q.focus();
}

function submit() {
	const q = form.q.value.trim();
	if (!q || leaving) return;
	form.q.value = "";
	add("you", q);
	answer({ q, id: Math.random().toString(36).slice(2) + Date.now() }, add("agent", ""));
}

// A page that was left comes back for the rest of its answer: anew, or from the
// back/forward cache, in which pages keep their connections if they do not end them.
let left = false;
function resume() {
	const pending = JSON.parse(sessionStorage.asked ?? "null");
	if (pending) answer(pending, log.lastElementChild);
}
addEventListener("pagehide", () => { keep(); left = true; leaving?.abort(); });
addEventListener("pageshow", (e) => { if (e.persisted) { left = false; resume(); } });
resume();

form.addEventListener("submit", (e) => { e.preventDefault(); submit(); });
form.q.addEventListener("keydown", (e) => {
	if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); }
});
function end() {
	leaving?.abort();
	return fetch("/ask", { method: "DELETE" }); // ends the call
}
stop.addEventListener("click", end);
fresh.addEventListener("click", async () => {
	await end();
	await fetch("/new", { method: "POST" });
	log.replaceChildren();
	keep();
	form.q.focus();
});
