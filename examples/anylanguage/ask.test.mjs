// Tests a function that asks an agent against a reference server, which this
// starts and stops:
//
//	node --test ask.test.mjs
//
// clawhq-server has to be in PATH, or at $CLAWHQ_SERVER. It speaks plain HTTP
// here; for HTTPS, -cert-out writes the certificate, and NODE_EXTRA_CA_CERTS
// has node trust it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

// ask is what is tested. It returns the agent's whole answer: a stream that was
// cut off, without [DONE], is asked for again.
async function ask(baseURL, apiKey, message, sleep = (seconds) => wait(1000 * seconds)) {
  for (let attempt = 1; attempt <= 4; attempt++) {
    const response = await fetch(`${baseURL}/v1/chat`, {
      method: "POST",
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ message, stream: true }),
    });
    if (response.status === 429) {
      await response.body?.cancel();
      await sleep(Number(response.headers.get("Retry-After")));
      continue;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    let text = "";
    try {
      for await (const part of response.body.pipeThrough(new TextDecoderStream())) text += part;
    } catch {
      // text is what came of it
    }
    if (text.includes("data: [DONE]")) {
      const data = text.split("\n").filter((line) => line.startsWith("data: {"));
      return data.map((line) => JSON.parse(line.slice("data: ".length)).content).join("");
    }
    await sleep(1);
  }
  throw new Error("no answer in 4 attempts");
}

let server, about, slept;

before(async () => {
  server = spawn(process.env.CLAWHQ_SERVER ?? "clawhq-server", ["-addr", "127.0.0.1:0", "-http", "-json", "-rpm", "30"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(createInterface(server.stdout), "line");
  about = JSON.parse(line);
});

after(async () => {
  const exited = once(server, "exit");
  server.kill();
  await exited;
});

beforeEach(async () => {
  slept = [];
  await control("POST", "/reset");
  await control("POST", "/agents", { slug: "support-bot", replies: [{ chunks: ["We are open ", "from 9 to 5."] }] });
});

async function control(method, path, body) {
  const response = await fetch(about.control_url + path, {
    method,
    headers: { Authorization: `Bearer ${about.control_token}` },
    body: body && JSON.stringify(body),
  });
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply;
}

// sleep stands in for waiting: the server's time passes.
async function sleep(seconds) {
  slept.push(seconds);
  await control("POST", "/clock", { advance: `${seconds}s` });
}

const asked = (message) => ask(about.base_url, about.api_key, message, sleep);

async function statuses() {
  const { requests } = await control("GET", "/requests?path=/v1/chat");
  return requests.map((request) => request.status);
}

test("heeds Retry-After", async () => {
  await control("POST", "/faults", { fault: "429:7", path: "/v1/chat" });
  assert.equal(await asked("When are you open?"), "We are open from 9 to 5.");
  assert.deepEqual(slept, [7]);
  assert.deepEqual(await statuses(), [429, 200]);
});

test("waits for the rate limit", async () => {
  for (let i = 0; i < 31; i++) await asked(`question ${i}`);
  assert.equal(slept.length, 1); // a minute, or as much as is left of it
  assert.deepEqual((await statuses()).slice(-2), [429, 200]);
});

test("asks again when the stream is cut", async () => {
  await control("POST", "/faults", { fault: "cut:1", path: "/v1/chat" });
  assert.equal(await asked("When are you open?"), "We are open from 9 to 5.");
  const { requests } = await control("GET", "/requests/wait?path=/v1/chat&count=2");
  assert.equal(requests[0].fault, 'FaultStreamCut(1).On(Path("/v1/chat"))');
});
