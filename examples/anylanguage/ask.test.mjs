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
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

// ask is what is tested. It returns the agent's whole answer: after a stream that was
// cut off, without [DONE], or that has an error, it asks again.
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
    const answer = await answerOf(response);
    if (answer !== undefined) return answer;
    await sleep(1);
  }
  throw new Error("no answer in 4 attempts");
}

// answerOf returns the answer of a stream. It is undefined if the stream was cut off,
// has an error or is not JSON.
async function answerOf(response) {
  let text = "";
  try {
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) text += part;
  } catch {
    return undefined; // cut off
  }
  let answer = "";
  for (const line of text.split("\n").filter((line) => line.startsWith("data: "))) {
    const data = line.slice("data: ".length);
    if (data === "[DONE]") return answer;
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return undefined;
    }
    if (event.error) return undefined;
    answer += event.content;
  }
  return undefined;
}

let server, about;

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

async function control(of, method, path, body) {
  const response = await fetch(of.control_url + path, {
    method,
    headers: { Authorization: `Bearer ${of.control_token}` },
    body: body && JSON.stringify(body),
  });
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply;
}

// inSandbox is a test with a sandbox: a server of its own behind the same port.
function inSandbox(name, check) {
  test(name, async () => {
    const sandbox = await control(about, "POST", "/sandboxes", {
      agents: [{ slug: "support-bot", replies: [{ chunks: ["We are open ", "from 9 to 5."] }] }],
    });
    const slept = [];
    try {
      await check({
        slept,
        fault: (fault) => control(sandbox, "POST", "/faults", { fault, path: "/v1/chat" }),
        ask: () => ask(sandbox.base_url, sandbox.api_key, "When are you open?", async (seconds) => {
          slept.push(seconds); // nobody waits: the sandbox's time passes
          await control(sandbox, "POST", "/clock", { advance: `${seconds}s` });
        }),
        statuses: async () => (await control(sandbox, "GET", "/requests?path=/v1/chat")).requests.map((r) => r.status),
      });
    } finally {
      await control(about, "DELETE", `/sandboxes/${sandbox.id}`);
    }
  });
}

describe("ask", { concurrency: true }, () => { // all at once
  inSandbox("heeds Retry-After", async ({ fault, ask, slept, statuses }) => {
    await fault("429:7");
    assert.equal(await ask(), "We are open from 9 to 5.");
    assert.deepEqual(slept, [7]);
    assert.deepEqual(await statuses(), [429, 200]);
  });

  inSandbox("waits for the rate limit", async ({ ask, slept, statuses }) => {
    for (let i = 0; i < 31; i++) await ask();
    assert.equal(slept.length, 1); // a minute, or as much as is left of it
    assert.deepEqual((await statuses()).slice(-2), [429, 200]);
  });

  for (const fault of ["cut:1", "error:stream_error:1", "malformed:1"]) {
    inSandbox(`asks again after ${fault}`, async (sandbox) => {
      await sandbox.fault(fault);
      assert.equal(await sandbox.ask(), "We are open from 9 to 5.");
      assert.deepEqual(await sandbox.statuses(), [200, 200]);
    });
  }
});
