// Calls to the service beside this page: JSON, pictures and streams of events, with the key where one is needed.

import { language, say } from "./words.js";

const KEY = "danqing.key";

/** An answer that is no success: its text is the service's own, in the reader's language. */
export class Problem extends Error {
  constructor(status, message, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** Keep a key for as long as this tab is open; an empty one is thrown away. */
export function keepKey(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

/** Call a route; throws a Problem where it is refused or nobody answers. */
export async function call(path, { method = "GET", body, headers = {}, signal } = {}) {
  const key = sessionStorage.getItem(KEY);
  const all = { "Accept-Language": language(), ...headers };
  if (key) all.Authorization = `Bearer ${key}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  let reply;
  try {
    reply = await fetch(path, { method, headers: all, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, say("unreachable"));
  }
  if (reply.ok) return reply;
  const problem = (await reply.json().catch(() => ({}))).error ?? {};
  throw new Problem(reply.status, problem.message ?? `HTTP ${reply.status}`, problem.param);
}

/** The JSON that a route answers with. */
export const json = async (path, options) => (await call(path, options)).json();

/** The bytes of a file of the service. */
export const bytes = async (path) => (await call(path)).blob();

/** Show a picture of the service in an <img>, which cannot send a key by itself. */
export async function show(image, path) {
  const address = URL.createObjectURL(await bytes(path));
  image.onload = () => URL.revokeObjectURL(address);
  image.src = address;
}

/** The events of a job, each {type, data}, from its first on; a broken connection goes on where it was, after {type: "lost"}. */
export async function* events(id, signal) {
  let last = "0";
  while (!signal.aborted) {
    try {
      const reply = await call(`/v1/jobs/${id}/events`, { signal, headers: { "Last-Event-ID": last } });
      for await (const event of parse(reply.body.getReader())) {
        last = event.id ?? last;
        yield event;
        if (event.type === "ended") return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500) throw error;
    }
    yield { type: "lost" };
    await new Promise((go) => setTimeout(go, 1500));
  }
}

async function* parse(reader) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.match(/^(\w+): ?(.*)$/)?.slice(1) ?? ["", ""]));
      if (fields.data) yield { type: fields.event, id: fields.id, data: JSON.parse(fields.data) };
    }
  }
}
