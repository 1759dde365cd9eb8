// Gallery of the jobs of this API key, newest first, with a thumbnail of each.

import { json, loadImage, releaseImage } from "./api.js";
import { isEnded } from "./job-view.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";

const PAGE = 24;
const MAX = 200;  // largest page of the jobs route

/** Shows jobs as buttons. Callbacks: pick(id) when one is chosen, onError(error) when older jobs cannot be loaded. */
export class Gallery {
  constructor(list, older, { pick, onError }) {
    this.list = list;
    this.older = older;
    this.pick = pick;
    this.jobs = [];
    older.onclick = async () => {
      older.disabled = true;
      await this.#loadOlder().catch(onError);
      older.disabled = false;
    };
  }

  /** Reload the jobs shown. */
  async load() {
    const page = await json(`../v1/jobs?limit=${Math.min(MAX, Math.max(PAGE, this.jobs.length))}`);
    const rest = this.jobs.slice(MAX).filter((job) => !page.data.some((other) => other.id === job.id));
    this.#setJobs([...page.data, ...rest], rest.length > 0 || page.has_more);
  }

  /** True if a job in the list has not ended. */
  hasUnfinished() {
    return !this.jobs.every(isEnded);
  }

  /** Mark the selected job. */
  select(id) {
    this.current = id;
    for (const button of this.list.children) button.setAttribute("aria-current", String(button.dataset.id === id));
  }

  /** Remove all jobs. */
  clear() {
    this.#setJobs([], false);
  }

  /** Render all texts again in the current language. */
  redraw() {
    this.#releaseImages([...this.list.children]);
    this.list.replaceChildren();
    this.#draw();
  }

  async #loadOlder() {
    const page = await json(`../v1/jobs?limit=${PAGE}&before=${this.jobs.at(-1).id}`);
    this.#setJobs([...this.jobs, ...page.data], page.has_more);
  }

  #setJobs(jobs, more) {
    this.jobs = jobs;
    this.older.hidden = !more;
    this.#draw();
  }

  /** Create the buttons; buttons of unchanged jobs are kept. */
  #draw() {
    const current = new Map([...this.list.children].map((button) => [button.dataset.version, button]));
    const buttons = this.jobs.map((job) => current.get(versionOf(job)) ?? this.#button(job));
    this.#releaseImages([...current.values()].filter((button) => !buttons.includes(button)));
    this.list.replaceChildren(...buttons);
    this.select(this.current);
  }

  #releaseImages(buttons) {
    for (const button of buttons) for (const image of button.querySelectorAll("img")) releaseImage(image);
  }

  #button(job) {
    const image = job.pictures.length ? make("img", { alt: "" }) : make("span", { className: "blank" });
    if (job.pictures.length) loadImage(image, job.pictures[0].url).catch(() => {});
    const title = make("span", { className: "title", textContent: job.request.prompts.join(" / ") });
    const state = make("span", { className: "state", textContent: tr(`state_${job.state}`) });
    const button = make("button", { type: "button", onclick: () => this.pick(job.id) }, image, title, state);
    Object.assign(button.dataset, { id: job.id, version: versionOf(job) });
    return button;
  }
}

const versionOf = (job) => `${job.id} ${job.state} ${job.pictures.length}`;
