// The easel: one job, from waiting to finished, with its pictures as they come about.

import { bytes, call, events, json, show } from "./api.js";
import { make } from "./form.js";
import { duration, either, say } from "./words.js";

const EVERY = 2000;  // milliseconds between two looks at a job that is not over

/** Shows one job at a time. `on` has what else may be done with one: again(job), reuse(job), start(blob), changed(job | null), refused(error). */
export class Easel {
  constructor(section, on) {
    this.places = Object.fromEntries(["pictures", "progress", "status", "actions", "recipe"].map((id) => [id, section.querySelector(`#${id}`)]));
    this.on = on;
    this.leaving = new AbortController();
    this.clear();
  }

  /** Nothing on the easel. */
  clear() {
    this.#leave();
    this.job = null;
    const { pictures, progress, status, actions, recipe } = this.places;
    pictures.replaceChildren(make("p", { className: "empty", textContent: say("empty") }));
    progress.hidden = recipe.hidden = true;
    status.textContent = "";
    actions.replaceChildren();
  }

  /** Put a job on the easel; it is followed until it is over or another one takes its place. */
  put(job) {
    this.#leave();
    const signal = this.leaving.signal;
    this.places.pictures.replaceChildren();
    this.figures = new Map();
    this.lost = false;
    this.#draw(job);
    const shown = over(job) ? Promise.all(job.pictures.map((picture) => this.#finish(picture))) : this.#follow(job, signal);
    shown.catch((error) => { if (!signal.aborted) this.on.refused(error); });
  }

  /** Say everything again, in the language that is spoken now. */
  redraw() {
    if (this.job) this.#draw(this.job);
    else this.clear();
  }

  #leave() {
    clearInterval(this.timer);
    this.leaving.abort();
    this.leaving = new AbortController();
  }

  async #follow(job, signal) {
    this.timer = setInterval(() => this.#look(job.id, signal), EVERY);
    try {
      for await (const event of events(job.id, signal)) await this.#happened(event);
    } finally {
      if (!signal.aborted) clearInterval(this.timer);
    }
  }

  async #look(id, signal) {
    const job = await json(`/v1/jobs/${id}`, { signal }).catch(() => null);
    if (job && !signal.aborted && this.job?.id === id && !over(this.job)) this.#draw(job);
  }

  async #happened({ type, data }) {
    this.lost = type === "lost";
    if (type === "lost") this.places.status.textContent = say("lost");
    if (type === "previewed" && data.url) await this.#preview(data);
    if (type === "completed") await this.#finish({ number: data.picture, seed: data.seed, url: data.url });
    if (type === "warned" || type === "adapted") this.places.pictures.after(make("p", { className: "hint", textContent: either(data) }));
    if (type === "ended") {
      this.#draw(data);
      this.on.changed(data);
    }
  }

  #figure(number) {
    if (!this.figures.has(number)) {
      const image = make("img", { alt: "" });
      const caption = make("figcaption");
      const figure = make("figure", {}, image, caption);
      this.figures.set(number, { image, caption });
      this.places.pictures.append(figure);
    }
    return this.figures.get(number);
  }

  async #preview({ picture, step, url }) {
    const { image, caption } = this.#figure(picture);
    caption.textContent = say("preview", step + 1);
    await show(image, url).catch(() => {});  // it may be gone by now; the next one follows
  }

  async #finish({ number, seed, url }) {
    const { image, caption } = this.#figure(number);
    caption.textContent = say("picture", number + 1, seed);
    image.alt = this.job.request.prompts.join(" ");
    await show(image, url);
  }

  #draw(job) {
    const { progress, status, actions, recipe } = this.places;
    for (const hint of document.querySelectorAll("#easel > .hint")) if (job.id !== this.job?.id) hint.remove();
    this.job = job;
    progress.hidden = over(job);
    progress.value = job.progress;
    if (!this.lost) status.textContent = told(job);
    recipe.hidden = false;
    recipe.querySelector("pre").textContent = JSON.stringify(job.request, null, 1);
    actions.replaceChildren(...this.#actions(job));
  }

  #actions(job) {
    const button = (word, onclick, fields = {}) => make("button", { type: "button", textContent: say(word), onclick: this.#guarded(onclick), ...fields });
    if (!over(job)) return [button("stop", () => this.#act(job, "DELETE"), { disabled: job.cancelling })];
    const found = [];
    if (job.state !== "finished") found.push(button("resume", () => this.#act(job, "POST", "/resume")));
    for (const picture of job.pictures) {
      const number = job.pictures.length > 1 ? ` ${picture.number + 1}` : "";
      found.push(button("save", () => save(picture.url, name(job, picture, "png")), { textContent: say("save") + number }));
    }
    for (const url of job.animations) {
      const kind = url.split(".").pop();
      found.push(button("animation", () => save(url, name(job, { number: url.match(/(\d+)\.\w+$/)[1] }, kind)), { textContent: say("animation", kind.toUpperCase()) }));
    }
    found.push(button("again", () => this.on.again(job)), button("reuse", () => this.on.reuse(job)));
    if (job.pictures.length) found.push(button("start", async () => this.on.start(await bytes(job.pictures[0].url))));
    found.push(button("forget", () => this.#forget(job)));
    return found;
  }

  #guarded(act) {
    return async () => {
      try {
        await act();
      } catch (error) {
        this.on.refused(error);
      }
    };
  }

  async #act(job, method, path = "") {
    const next = await json(`/v1/jobs/${job.id}${path}`, { method });
    if (path) {
      this.on.changed(next);
      this.put(next);
    } else this.#draw(next);
  }

  async #forget(job) {
    if (!confirm(say("reallyForget"))) return;
    await call(`/v1/jobs/${job.id}?forget=true`, { method: "DELETE" });
    this.clear();
    this.on.changed(null);
  }
}

const over = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/** Where a job stands, in a sentence. */
function told(job) {
  switch (job.state) {
    case "queued":
      return say("queued", job.position ?? 0);
    case "painting": {
      if (job.cancelling) return say("stopping");
      if (!job.steps) return say("starting");
      const left = job.seconds_left === null ? "" : say("left", duration(job.seconds_left));
      return say("painting", job.step, job.steps) + (job.picture ? say("batch", job.picture + 1) : "") + left;
    }
    case "failed":
      return say("failed", job.failure ? either(job.failure) : "");
    case "finished":
      return say("finished", duration(job.ended - job.started));
    default:
      return say(job.state);
  }
}

/** A name for a file: the sentence, as far as a file may be called so. */
function name(job, picture, kind) {
  const title = job.request.prompts[0].replace(/[\\/:*?"<>|\s]+/g, " ").trim().slice(0, 40);
  return `${title || "danqing"} ${job.id.slice(0, 4)}-${picture.number}.${kind}`;
}

async function save(url, download) {
  const address = URL.createObjectURL(await bytes(url));
  make("a", { href: address, download }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
