// The easel: one job, from waiting to finished, with its pictures as they come about.

import { bytes, call, events, json, release, show } from "./api.js";
import { make } from "./form.js";
import { duration, either, language, say } from "./i18n.js";

const EVERY = 2000;  // milliseconds between two looks at a job that is not over

/** Whether a job has come to an end, good or bad. */
export const over = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/** Shows one job at a time. `on` has what else may be done with one: again(job), reuse(job), start(blob), changed(job | null), refused(error). */
export class Easel {
  constructor(section, on) {
    this.places = Object.fromEntries([...section.querySelectorAll("[id]")].map((place) => [place.id, place]));
    this.on = on;
    this.figures = new Map();
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
    this.#draw(job);
    const shown = over(job) ? Promise.all(job.pictures.map((picture) => this.#finish(picture))) : this.#follow(job, signal);
    shown.catch((error) => { if (!signal.aborted) this.on.refused(error); });
  }

  /** Say everything again, in the language that is spoken now. */
  redraw() {
    if (!this.job) return this.clear();
    this.#draw(this.job);
    this.#hint();
    for (const figure of this.figures.values()) figure.caption.textContent = say(...figure.words);
  }

  #leave() {
    clearInterval(this.timer);
    this.leaving.abort();
    this.leaving = new AbortController();
    for (const { image } of this.figures.values()) release(image);
    this.figures.clear();
    this.hints = [];
    this.lost = false;
    this.drawn = "";
    this.#hint();
  }

  async #follow(job, signal) {
    this.timer = setInterval(() => this.#look(job.id, signal), EVERY);
    try {
      for await (const event of events(job.id, signal)) {
        if (signal.aborted) return;  // events that had come already belong to a job that is not here any more
        await this.#happened(event);
      }
    } finally {
      if (!signal.aborted) clearInterval(this.timer);
    }
  }

  async #look(id, signal) {
    const job = await json(`/v1/jobs/${id}`, { signal }).catch(() => null);
    if (!job || !this.#stillPainting(id)) return;
    this.lost = false;
    this.#draw(job);
  }

  /** Whether that job is on the easel, and not known to be over. */
  #stillPainting(id) {
    return this.job?.id === id && !over(this.job);
  }

  async #happened({ type, data }) {
    this.lost = type === "lost";
    if (type === "lost") this.places.status.textContent = say("lost");
    if (type === "started") this.on.changed(this.job);
    if (type === "stepped") this.#step(data);
    if (type === "previewed" && data.url) this.#preview(data);
    if (type === "completed") this.#finish({ number: data.picture, seed: data.seed, url: data.url }).catch(this.on.refused);
    if (type === "warned" || type === "memory_reduced") this.#hint(data);
    if (type === "ended") {
      this.#draw(data);
      this.on.changed(data);
    }
  }

  /** A step is done: show it before the next look at the job, unless more is known already. */
  #step({ batch, step, steps }) {
    const job = this.job;
    const picture = batch * job.request.batch_size;
    if (over(job) || picture < job.picture || (picture === job.picture && step < job.step)) return;
    this.#draw({ ...job, state: "painting", picture, step: step + 1, steps });
  }

  #figure(number) {
    if (!this.figures.has(number)) {
      const image = make("img", { alt: "" });
      const caption = make("figcaption");
      this.figures.set(number, { image, caption, next: null, busy: false, done: false });
      this.places.pictures.append(make("figure", {}, image, caption));
    }
    return this.figures.get(number);
  }

  /** Show the newest preview of a picture; those that came while another was being fetched are left out. */
  async #preview(data) {
    const figure = this.#figure(data.picture);
    figure.next = data;
    if (figure.busy) return;
    figure.busy = true;
    while (figure.next && !figure.done) {
      const { step, url } = figure.next;
      figure.next = null;
      this.#caption(figure, "preview", step + 1);
      await show(figure.image, url).catch(() => {});  // it may be gone by now; the next one follows
    }
    figure.busy = false;
  }

  async #finish({ number, seed, url }) {
    const figure = this.#figure(number);
    figure.done = true;
    figure.image.alt = this.job.request.prompts.join(" ");
    this.#caption(figure, "picture", number + 1, seed);
    await show(figure.image, url);
  }

  #caption(figure, ...words) {
    figure.words = words;
    figure.caption.textContent = say(...words);
  }

  /** Add what the service has to say of this job, if anything, and show all of it. */
  #hint(said = null) {
    if (said) this.hints.push(said);
    this.places.hints.replaceChildren(...this.hints.map((hint) => make("p", { textContent: either(hint) })));
  }

  #draw(job) {
    const { progress, status, actions, recipe } = this.places;
    this.job = job;
    progress.hidden = over(job);
    progress.value = job.progress;
    if (!this.lost) status.textContent = told(job);
    // Buttons and texts that have not changed stay, so that nobody loses focus or selection.
    const drawn = JSON.stringify([language(), job.id, job.state, job.cancelling, job.pictures.length, job.animations.length]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    recipe.hidden = false;
    recipe.querySelector("pre").textContent = JSON.stringify(job.request, null, 1);
    actions.replaceChildren(...this.#actions(job));
  }

  #actions(job) {
    const button = (word, act, fields = {}) => make("button", { type: "button", textContent: say(word), onclick: () => act().catch(this.on.refused), ...fields });
    if (!over(job)) return [button("stop", () => this.#stop(job), { disabled: job.cancelling })];
    const several = job.pictures.length > 1;
    const found = [];
    if (job.state !== "finished") found.push(button("resume", () => this.#resume(job)));
    for (const { number, url } of job.pictures) {
      found.push(button("save", () => save(url, name(job, number, "png")), { textContent: say("save") + (several ? ` ${number + 1}` : "") }));
    }
    for (const url of job.animations) {
      const [, number, kind] = url.match(/(\d+)\.(\w+)$/);
      const text = say("animation", kind.toUpperCase()) + (several ? ` ${Number(number) + 1}` : "");
      found.push(button("animation", () => save(url, name(job, number, kind)), { textContent: text }));
    }
    found.push(button("again", () => this.on.again(job)), button("reuse", () => this.on.reuse(job)));
    if (job.pictures.length) found.push(button("start", async () => this.on.start(await bytes(job.pictures[0].url))));
    found.push(button("forget", () => this.#forget(job)));
    return found;
  }

  async #stop(job) {
    const next = await json(`/v1/jobs/${job.id}`, { method: "DELETE" });
    if (this.#stillPainting(job.id)) this.#draw(next);
  }

  async #resume(job) {
    const next = await json(`/v1/jobs/${job.id}/resume`, { method: "POST" });
    if (this.job?.id === job.id) this.put(next);
    this.on.changed(next);
  }

  async #forget(job) {
    if (!confirm(say("reallyForget"))) return;
    await call(`/v1/jobs/${job.id}?forget=true`, { method: "DELETE" });
    const here = this.job?.id === job.id;
    if (here) this.clear();
    this.on.changed(here ? null : this.job);
  }
}

/** Where a job stands, in a sentence. */
function told(job) {
  switch (job.state) {
    case "queued":
      return job.position ? say("queued", job.position) : say("next");
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
function name(job, number, kind) {
  const title = job.request.prompts[0].replace(/[\\/:*?"<>|\s]+/g, " ").trim().slice(0, 40);
  return `${title || "danqing"} ${job.id.slice(0, 4)}-${number}.${kind}`;
}

async function save(url, download) {
  const address = URL.createObjectURL(await bytes(url));
  make("a", { href: address, download }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
