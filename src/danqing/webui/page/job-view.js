// Shows one job from queued to finished, with its previews and images.

import { bytes, call, events, json, loadImage, releaseImage } from "./api.js";
import { make } from "./form.js";
import { duration, localized, language, tr } from "./i18n.js";

const POLL_MS = 2000;  // interval of status requests for an unfinished job

/** True if the job is finished, failed or cancelled. */
export const isEnded = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/** Shows one job at a time. Callbacks in `on`: repeat(job), reuse(job), useAsInit(blob), changed(job | null), onError(error). */
export class JobView {
  constructor(section, on) {
    this.elements = Object.fromEntries([...section.querySelectorAll("[id]")].map((element) => [element.id, element]));
    this.on = on;
    this.figures = new Map();
    this.controller = new AbortController();
    this.clear();
  }

  /** Show no job. */
  clear() {
    this.#reset();
    this.job = null;
    const { pictures, progress, status, actions, recipe } = this.elements;
    pictures.replaceChildren(make("p", { className: "empty", textContent: tr("empty") }));
    progress.hidden = recipe.hidden = true;
    status.textContent = "";
    actions.replaceChildren();
  }

  /** Show a job and follow it until it ends or another job is shown. */
  show(job) {
    this.#reset();
    const signal = this.controller.signal;
    this.elements.pictures.replaceChildren();
    this.#draw(job);
    const shown = isEnded(job) ? Promise.all(job.pictures.map((picture) => this.#finish(picture))) : this.#follow(job, signal);
    shown.catch((error) => { if (!signal.aborted) this.on.onError(error); });
  }

  /** Render all texts again in the current language. */
  redraw() {
    if (!this.job) return this.clear();
    this.#draw(this.job);
    this.#hint();
    for (const figure of this.figures.values()) figure.caption.textContent = tr(...figure.text);
  }

  #reset() {
    clearInterval(this.timer);
    this.controller.abort();
    this.controller = new AbortController();
    for (const { image } of this.figures.values()) releaseImage(image);
    this.figures.clear();
    this.hints = [];
    this.disconnected = false;
    this.drawnState = "";
    this.#hint();
  }

  async #follow(job, signal) {
    this.timer = setInterval(() => this.#poll(job.id, signal), POLL_MS);
    try {
      for await (const event of events(job.id, signal)) {
        if (signal.aborted) return;  // another job is shown meanwhile
        await this.#onEvent(event);
      }
    } finally {
      if (!signal.aborted) clearInterval(this.timer);
    }
  }

  async #poll(id, signal) {
    const job = await json(`../v1/jobs/${id}`, { signal }).catch(() => null);
    if (!job || !this.#isShownAndUnfinished(id)) return;
    this.disconnected = false;
    this.#draw(job);
  }

  /** True if the job is shown and not known to have ended. */
  #isShownAndUnfinished(id) {
    return this.job?.id === id && !isEnded(this.job);
  }

  async #onEvent({ type, data }) {
    this.disconnected = type === "disconnected";
    if (type === "disconnected") this.elements.status.textContent = tr("disconnected");
    if (type === "started") this.on.changed(this.job);
    if (type === "stepped") this.#step(data);
    if (type === "previewed" && data.url) this.#preview(data);
    if (type === "completed") this.#finish({ number: data.picture, seed: data.seed, url: data.url }).catch(this.on.onError);
    if (type === "warned" || type === "memory_reduced") this.#hint(data);
    if (type === "ended") {
      this.#draw(data);
      this.on.changed(data);
    }
  }

  /** Show a completed step before the next status request, unless a later state is known. */
  #step({ batch, step, steps }) {
    const job = this.job;
    const picture = batch * job.request.batch_size;
    if (isEnded(job) || picture < job.picture || (picture === job.picture && step < job.step)) return;
    this.#draw({ ...job, state: "painting", picture, step: step + 1, steps });
  }

  #figure(number) {
    if (!this.figures.has(number)) {
      const image = make("img", { alt: "" });
      const caption = make("figcaption");
      this.figures.set(number, { image, caption, next: null, busy: false, done: false });
      this.elements.pictures.append(make("figure", {}, image, caption));
    }
    return this.figures.get(number);
  }

  /** Show the newest preview of an image; previews that arrive while another is loading are skipped. */
  async #preview(data) {
    const figure = this.#figure(data.picture);
    figure.next = data;
    if (figure.busy) return;
    figure.busy = true;
    while (figure.next && !figure.done) {
      const { step, url } = figure.next;
      figure.next = null;
      this.#caption(figure, "preview", step + 1);
      await loadImage(figure.image, url).catch(() => {});  // the file may have been removed; the next preview follows
    }
    figure.busy = false;
  }

  async #finish({ number, seed, url }) {
    const figure = this.#figure(number);
    figure.done = true;
    figure.image.alt = this.job.request.prompts.join(" ");
    this.#caption(figure, "picture", number + 1, seed);
    await loadImage(figure.image, url);
  }

  #caption(figure, ...text) {
    figure.text = text;
    figure.caption.textContent = tr(...text);
  }

  /** Add what the service has to tr of this job, if anything, and show all of it. */
  #hint(text = null) {
    if (text) this.hints.push(text);
    this.elements.hints.replaceChildren(...this.hints.map((hint) => make("p", { textContent: localized(hint) })));
  }

  #draw(job) {
    const { progress, status, actions, recipe } = this.elements;
    this.job = job;
    progress.hidden = isEnded(job);
    progress.value = job.progress;
    if (!this.disconnected) status.textContent = statusText(job);
    // Unchanged buttons and texts are kept, so that focus and selection are not lost.
    const drawnState = JSON.stringify([language(), job.id, job.state, job.cancelling, job.pictures.length, job.animations.length]);
    if (drawnState === this.drawnState) return;
    this.drawnState = drawnState;
    recipe.hidden = false;
    recipe.querySelector("pre").textContent = JSON.stringify(job.request, null, 1);
    actions.replaceChildren(...this.#actions(job));
  }

  #actions(job) {
    const button = (word, act, fields = {}) => make("button", { type: "button", textContent: tr(word), onclick: () => act().catch(this.on.onError), ...fields });
    if (!isEnded(job)) return [button("stop", () => this.#stop(job), { disabled: job.cancelling })];
    const several = job.pictures.length > 1;
    const buttons = [];
    if (job.state !== "finished") buttons.push(button("resume", () => this.#resume(job)));
    for (const { number, url } of job.pictures) {
      buttons.push(button("save", () => download(url, name(job, number, "png")), { textContent: tr("save") + (several ? ` ${number + 1}` : "") }));
    }
    for (const url of job.animations) {
      const [, number, kind] = url.match(/(\d+)\.(\w+)$/);
      const text = tr("animation", kind.toUpperCase()) + (several ? ` ${Number(number) + 1}` : "");
      buttons.push(button("animation", () => download(url, name(job, number, kind)), { textContent: text }));
    }
    buttons.push(button("repeat", () => this.on.repeat(job)), button("reuse", () => this.on.reuse(job)));
    if (job.pictures.length) buttons.push(button("useAsInit", async () => this.on.useAsInit(await bytes(job.pictures[0].url))));
    buttons.push(button("delete", () => this.#delete(job)));
    return buttons;
  }

  async #stop(job) {
    const next = await json(`../v1/jobs/${job.id}`, { method: "DELETE" });
    if (this.#isShownAndUnfinished(job.id)) this.#draw(next);
  }

  async #resume(job) {
    const next = await json(`../v1/jobs/${job.id}/resume`, { method: "POST" });
    if (this.job?.id === job.id) this.show(next);
    this.on.changed(next);
  }

  async #delete(job) {
    if (!confirm(tr("confirmDelete"))) return;
    await call(`../v1/jobs/${job.id}?forget=true`, { method: "DELETE" });
    const isShown = this.job?.id === job.id;
    if (isShown) this.clear();
    this.on.changed(isShown ? null : this.job);
  }
}

/** Return the status of a job as one sentence. */
function statusText(job) {
  switch (job.state) {
    case "queued":
      return job.position ? tr("queued", job.position) : tr("next");
    case "painting": {
      if (job.cancelling) return tr("stopping");
      if (!job.steps) return tr("starting");
      const left = job.seconds_left === null ? "" : tr("left", duration(job.seconds_left));
      return tr("painting", job.step, job.steps) + (job.picture ? tr("batch", job.picture + 1) : "") + left;
    }
    case "failed":
      return tr("failed", job.failure ? localized(job.failure) : "");
    case "finished":
      return tr("finished", duration(job.ended - job.started));
    default:
      return tr(job.state);
  }
}

/** Return a file name made from the prompt without characters that file systems reject. */
function name(job, number, kind) {
  const title = job.request.prompts[0].replace(/[\\/:*?"<>|\s]+/g, " ").trim().slice(0, 40);
  return `${title || "danqing"} ${job.id.slice(0, 4)}-${number}.${kind}`;
}

async function download(url, filename) {
  const address = URL.createObjectURL(await bytes(url));
  make("a", { href: address, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
