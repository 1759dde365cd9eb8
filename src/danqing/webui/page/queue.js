// The queue: what is painted and what waits, in order; moving, pausing and cancelling. Keeps the progress in the tab's title.

import { json } from "./api.js";
import { make } from "./form.js";
import { duration, tr } from "./i18n.js";
import { showThumbnail } from "./thumbnail.js";

const BUSY_MS = 2500;  // interval of updates while something is painted
const IDLE_MS = 30_000;
const TITLE = "丹青 Danqing";

/** Callbacks in `on`: pick(id), ended(job) when a job has left the queue, changed(), onError(error). */
export class Queue {
  constructor(section, on) {
    Object.assign(this, { section, on, jobs: [], paused: false, canPause: false });
    this.list = section.querySelector("ol");
    this.pauseButton = section.querySelector("[data-action=pause]");
    this.cancelButton = section.querySelector("[data-action=cancel]");
    this.pauseButton.onclick = () => this.#change("../v1/queue", "PUT", { paused: !this.paused });
    this.cancelButton.onclick = () => this.#change("../v1/queue", "DELETE");
  }

  /** Update the queue now, and from now on regularly. */
  async load() {
    clearTimeout(this.timer);
    try {
      this.#show(await json("../v1/queue"));
    } finally {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load().catch(() => {}), this.jobs.length && !this.paused ? BUSY_MS : IDLE_MS);
    }
  }

  /** Render all texts again in the current language. */
  redraw() {
    this.list.replaceChildren();
    this.#draw();
  }

  async #change(path, method, body) {
    try {
      this.#show(await json(path, { method, body }));
      this.on.changed();
      await this.load();
    } catch (error) {
      this.on.onError(error);
    }
  }

  #show({ data, paused, can_pause }) {
    const waiting = new Set(data.map((job) => job.id));
    const left = this.jobs.filter((job) => !waiting.has(job.id));
    Object.assign(this, { jobs: data, paused, canPause: can_pause });
    this.#draw();
    for (const job of left) this.#end(job);
  }

  async #end({ id }) {
    const job = await json(`../v1/jobs/${id}`).catch(() => null);  // it may have been deleted
    if (job) this.on.ended(job);
  }

  #draw() {
    const { jobs, paused } = this;
    this.section.hidden = !jobs.length && !paused;
    this.pauseButton.hidden = !this.canPause;
    this.pauseButton.textContent = tr(paused ? "continueQueue" : "pauseQueue");
    this.cancelButton.textContent = tr("cancelAll");
    this.cancelButton.hidden = !jobs.length;
    this.section.querySelector("[role=status]").textContent = paused ? tr("queuePaused") : "";
    const focused = document.activeElement?.dataset.key;
    this.list.replaceChildren(...jobs.map((job, index) => this.#item(job, index)));
    if (focused) this.list.querySelector(`[data-key="${focused}"]`)?.focus();
    this.#setTitle();
  }

  #item(job, index) {
    const image = make("img", { alt: "", width: 44, height: 44, onerror: () => { image.hidden = true; } });
    if (job.step > 0 || job.pictures.length) showThumbnail(image, job);
    else image.hidden = true;
    const text = make("span", { className: "title", textContent: job.request.prompts.join(" / ") });
    const open = make("button", { type: "button", className: "open", "data-key": `open ${job.id}`, onclick: () => this.on.pick(job.id) },
      make("span", { className: "frame" }, image), text, make("small", { textContent: stateText(job, this.paused) }));
    const buttons = [];
    const first = this.jobs.findIndex((other) => other.state === "queued");
    if (job.state === "queued" && index > first) {
      buttons.push(this.#button("moveUp", "↑", job, () => this.#move(job, index - first - 1)), this.#button("moveFirst", "⤒", job, () => this.#move(job, 0)));
    }
    const cancel = this.#button("cancelOne", "×", job, () => this.#change(`../v1/jobs/${job.id}`, "DELETE"));
    cancel.onclick = () => this.#cancel(job);
    cancel.disabled = job.cancelling;
    return make("li", {}, open, ...buttons, cancel);
  }

  #button(word, sign, job, onclick) {
    return make("button", { type: "button", textContent: sign, title: tr(word), ariaLabel: `${tr(word)}: ${job.request.prompts[0]}`, "data-key": `${word} ${job.id}`, onclick });
  }

  #move(job, place) {
    return this.#change(`../v1/jobs/${job.id}/place`, "PUT", { place });
  }

  async #cancel(job) {
    try {
      await json(`../v1/jobs/${job.id}`, { method: "DELETE" });
      await this.load();
      this.on.changed();
    } catch (error) {
      this.on.onError(error);
    }
  }

  /** Show the progress of the first job and the number of the others in the title of the tab. */
  #setTitle() {
    const [first] = this.jobs;
    if (!first) document.title = TITLE;
    else if (this.paused && first.state === "queued") document.title = `⏸ ${TITLE}`;
    else document.title = `${Math.floor(first.progress * 100)} %${this.jobs.length > 1 ? ` +${this.jobs.length - 1}` : ""} ${TITLE}`;
  }
}

function stateText(job, paused) {
  if (job.cancelling) return tr("stopping");
  const left = job.seconds_left === null ? "" : tr("left", duration(job.seconds_left));
  if (job.state === "painting") return `${tr("state_painting")} ${Math.floor(job.progress * 100)} %${left}`;
  return paused ? tr("waits") : `${tr("place", job.position + 1)}${left}`;
}
