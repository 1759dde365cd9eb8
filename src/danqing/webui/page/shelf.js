// The shelf: the jobs of this key, newest first, with a small picture of each.

import { json, show } from "./api.js";
import { make } from "./form.js";
import { say } from "./words.js";

const PAGE = 24;

/** Shows jobs as buttons; `pick(job)` is called with the one that is chosen. */
export class Shelf {
  constructor(place, older, pick) {
    this.place = place;
    this.older = older;
    this.pick = pick;
    this.jobs = [];
    older.onclick = () => this.load(true);
  }

  /** Read the newest jobs, or those before the oldest one here. */
  async load(more = false) {
    const before = more && this.jobs.length ? `&before=${this.jobs.at(-1).id}` : "";
    const page = await json(`/v1/jobs?limit=${PAGE}${before}`);
    this.jobs = more ? [...this.jobs, ...page.data] : page.data;
    this.older.hidden = !page.has_more;
    this.draw();
  }

  /** Mark the job that is on the easel. */
  mark(id) {
    this.current = id;
    for (const button of this.place.children) button.setAttribute("aria-current", String(button.dataset.id === id));
  }

  /** Make the buttons; those whose job has not changed stay. */
  draw() {
    const here = new Map([...this.place.children].map((button) => [button.dataset.shows, button]));
    this.place.replaceChildren(...this.jobs.map((job) => here.get(stamp(job)) ?? this.#button(job)));
    this.mark(this.current);
  }

  /** Say everything again, in the language that is spoken now. */
  redraw() {
    this.place.replaceChildren();
    this.draw();
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
