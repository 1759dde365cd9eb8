// Calls to the service beside this page: JSON, pictures and streams of events, with the key where one is needed.

import { keep, recall } from "./storage.js";
import { language, say } from "./i18n.js";

let key = recall("danqing.key", "sessionStorage") ?? "";

/** An answer that is no success: its text is the service's own, in the reader's language. */
export class Problem extends Error {
  constructor(status, message, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** Show this key from now on, for as long as the tab is open; an empty one is thrown away. */
export function useKey(text) {
  key = text;
  keep("danqing.key", text, "sessionStorage");
}

/** Whether a key is shown. */
export const hasKey = () => key !== "";

/** Call a route; throws a Problem where it is refused or nobody answers. */
export async function call(path, { method = "GET", body, headers = {}, signal } = {}) {
  const all = { "Accept-Language": language(), ...headers };
  if (/^[!-~]+$/.test(key)) all.Authorization = `Bearer ${key}`;  // no other key can stand in a header, nor be right
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
export const json = async (path, options) => read(await (await call(path, options)).text());

/** The bytes of a file of the service. */
export const bytes = async (path) => (await call(path)).blob();

/** JSON in which seeds too large for a number of this language stay texts. */
const read = (text) => JSON.parse(text.replace(/("seed":\s*)(\d{16,})/g, '$1"$2"'));

const shown = new WeakMap();  // <img> -> what was asked for last, and the address it is shown by

/** Show a picture of the service in an <img>, which cannot send a key by itself; of two calls the later one counts. */
export async function show(image, path) {
  const asked = { address: shown.get(image)?.address };
  shown.set(image, asked);
  const blob = await bytes(path);
  if (shown.get(image) !== asked) return;
  if (asked.address) URL.revokeObjectURL(asked.address);
  asked.address = URL.createObjectURL(blob);
  image.src = asked.address;
}

/** An <img> goes away: so may what it shows. */
export function release(image) {
  const address = shown.get(image)?.address;
  if (address) URL.revokeObjectURL(address);
  shown.delete(image);
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
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.match(/^(\w+): ?(.*)$/s)?.slice(1) ?? ["", ""]));
        if (fields.data) yield { type: fields.event, id: fields.id, data: read(fields.data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {});  // or the connection stays taken until the job ends
  }
}
