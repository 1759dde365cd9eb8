// The shelf: the jobs of this key, newest first, with a small picture of each.

import { json, release, show } from "./api.js";
import { over } from "./job-view.js";
import { make } from "./form.js";
import { say } from "./i18n.js";

const PAGE = 24;
const MOST = 200;  // jobs that the service tells of at once

/** Shows jobs as buttons; `pick(id)` is called with the one that is chosen, `refused(error)` where older ones cannot be had. */
export class Shelf {
  constructor(place, older, { pick, refused }) {
    this.place = place;
    this.older = older;
    this.pick = pick;
    this.jobs = [];
    older.onclick = async () => {
      older.disabled = true;
      await this.#more().catch(refused);
      older.disabled = false;
    };
  }

  /** Read anew what is here. */
  async load() {
    const page = await json(`/v1/jobs?limit=${Math.min(MOST, Math.max(PAGE, this.jobs.length))}`);
    const rest = this.jobs.slice(MOST).filter((job) => !page.data.some((other) => other.id === job.id));
    this.#take([...page.data, ...rest], rest.length > 0 || page.has_more);
  }

  /** Whether a job here is not over yet. */
  waits() {
    return !this.jobs.every(over);
  }

  /** Mark the job that is on the easel. */
  mark(id) {
    this.current = id;
    for (const button of this.place.children) button.setAttribute("aria-current", String(button.dataset.id === id));
  }

  /** Nothing on the shelf. */
  clear() {
    this.#take([], false);
  }

  /** Say everything again, in the language that is spoken now. */
  redraw() {
    this.#drop([...this.place.children]);
    this.place.replaceChildren();
    this.#draw();
  }

  async #more() {
    const page = await json(`/v1/jobs?limit=${PAGE}&before=${this.jobs.at(-1).id}`);
    this.#take([...this.jobs, ...page.data], page.has_more);
  }

  #take(jobs, more) {
    this.jobs = jobs;
    this.older.hidden = !more;
    this.#draw();
  }

  /** Make the buttons; those whose job has not changed stay. */
  #draw() {
    const here = new Map([...this.place.children].map((button) => [button.dataset.shows, button]));
    const buttons = this.jobs.map((job) => here.get(stamp(job)) ?? this.#button(job));
    this.#drop([...here.values()].filter((button) => !buttons.includes(button)));
    this.place.replaceChildren(...buttons);
    this.mark(this.current);
  }

  #drop(buttons) {
    for (const button of buttons) for (const image of button.querySelectorAll("img")) release(image);
  }

  #button(job) {
    const image = job.pictures.length ? make("img", { alt: "" }) : make("span", { className: "blank" });
    if (job.pictures.length) show(image, job.pictures[0].url).catch(() => {});
    const title = make("span", { className: "title", textContent: job.request.prompts.join(" / ") });
    const state = make("span", { className: "state", textContent: say(`state_${job.state}`) });
    const button = make("button", { type: "button", onclick: () => this.pick(job.id) }, image, title, state);
    Object.assign(button.dataset, { id: job.id, shows: stamp(job) });
    return button;
  }
}

const stamp = (job) => `${job.id} ${job.state} ${job.pictures.length}`;
