// Requests to the service: JSON, files and event streams, with the API key if one is set.
// Addresses of our own are relative, so that the studio works below any path of a reverse proxy.

import { load, store } from "./storage.js";
import { language, tr } from "./i18n.js";

let key = load("danqing.key", "sessionStorage") ?? "";

/** An error response; the message is the service's, in the user's language. */
export class ApiError extends Error {
  constructor(status, message, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

/** Use this API key until the tab is closed; an empty text removes it. */
export function useKey(text) {
  key = text;
  store("danqing.key", text, "sessionStorage");
}

/** Whether a key is loaded. */
export const hasKey = () => key !== "";

/** Send a request; throws ApiError for an error response or if the service is unreachable. */
export async function call(path, { method = "GET", body, headers = {}, signal } = {}) {
  const all = { "Accept-Language": language(), ...headers };
  if (/^[!-~]+$/.test(key)) all.Authorization = `Bearer ${key}`;  // header values are ASCII, and so are all keys
  if (body !== undefined) all["Content-Type"] = "application/json";
  let reply;
  try {
    reply = await fetch(path, { method, headers: all, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, tr("unreachable"));
  }
  if (reply.ok) return reply;
  const error = (await reply.json().catch(() => ({}))).error ?? {};
  throw new ApiError(reply.status, error.message ?? `HTTP ${reply.status}`, error.param);
}

/** Send a request and return the parsed JSON. */
export const json = async (path, options) => parseJson(await (await call(path, options)).text());

/** Download a file as a Blob. */
export const bytes = async (path) => (await call(path)).blob();

/** Parse JSON; seeds beyond the exact range of JavaScript numbers stay strings. */
const parseJson = (text) => JSON.parse(text.replace(/("seed":\s*)(\d{16,})/g, '$1"$2"'));

const loaded = new WeakMap();  // <img> -> what was request for last, and the address it is shown by

/** Load an image of the service into an <img>, which cannot send the API key itself; the latest call wins. */
export async function loadImage(image, path) {
  const request = { address: loaded.get(image)?.address };
  loaded.set(image, request);
  const blob = await bytes(path);
  if (loaded.get(image) !== request) return;
  if (request.address) URL.revokeObjectURL(request.address);
  request.address = URL.createObjectURL(blob);
  image.src = request.address;
}

/** Free the object URL of an <img> that is removed. */
export function releaseImage(image) {
  const address = loaded.get(image)?.address;
  if (address) URL.revokeObjectURL(address);
  loaded.delete(image);
}

/** Yield the events of a job as {type, data} from the first on. Reconnects and continues after {type: "disconnected"}. */
export async function* events(id, signal) {
  let last = "0";
  while (!signal.aborted) {
    try {
      const reply = await call(`../v1/jobs/${id}/events`, { signal, headers: { "Last-Event-ID": last } });
      for await (const event of parse(reply.body.getReader())) {
        last = event.id ?? last;
        yield event;
        if (event.type === "ended") return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
    }
    yield { type: "disconnected" };
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
        if (fields.data) yield { type: fields.event, id: fields.id, data: parseJson(fields.data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {});  // otherwise the connection stays open until the job ends
  }
}
