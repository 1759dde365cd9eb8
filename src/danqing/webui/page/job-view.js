// Shows one job from queued to finished, with its previews and images.

import { events, json, loadImage, releaseImage } from "./api.js";
import { jobOf } from "./derive.js";
import { download } from "./download.js";
import { make } from "./form.js";
import { GridView } from "./grid-view.js";
import { localized, language, tr } from "./i18n.js";
import { statusText } from "./job-status.js";
import { jobWall, releaseWall, sampleWall } from "./wall.js";

const MAX_DOUBLED = 320;  // width in pixels
const POLL_MS = 2000;  // interval of status requests for an unfinished job

/** True if the job is finished, failed or cancelled. */
export const isEnded = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/**
 * Shows one job at a time, each of its pictures with its own buttons. Callbacks in `on`: repeat(job), reuse(job),
 * pictureButtons(job, picture, view), zoom(pictures, index), remove(job), changed(job), isFavourite(job), favourite(job),
 * isKnown(notice), finishedJobs(), samples(), pick(id), onError(error).
 */
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
    const { pictures, progress, status, actions, recipe, share, subject } = this.elements;
    pictures.replaceChildren(make("p", { className: "empty", textContent: tr("empty") }));
    this.showWall();
    progress.hidden = recipe.hidden = share.hidden = subject.hidden = true;
    status.textContent = "";
    actions.replaceChildren();
  }

  /** While no job is shown, show the newest finished pictures; before there are any, those of the program. */
  showWall() {
    const { pictures } = this.elements;
    if (this.job || pictures.querySelector(".wall")) return;
    const jobs = this.on.finishedJobs();
    if (jobs.length) pictures.append(jobWall(jobs, this.on.pick));
    else pictures.append(sampleWall(...this.on.samples()));
  }

  /** Show a job and follow it until it ends or another job is shown. */
  show(job) {
    this.#reset();
    const signal = this.controller.signal;
    this.elements.pictures.replaceChildren();
    this.grid = job.grid.length ? new GridView(job, (number) => this.#choose(number)) : null;
    if (this.grid) this.elements.pictures.append(this.grid.element);
    this.#draw(job);
    if (this.grid && isEnded(job) && job.pictures.length) this.#choose(job.pictures[0].number);
    const shown = isEnded(job) ? Promise.all(job.pictures.map((picture) => this.#finish(picture))) : this.#follow(job, signal);
    if (isEnded(job) && !job.pictures.length && job.step) this.#showLastPreview(job);
    shown.catch((error) => { if (!signal.aborted) this.on.onError(error); });
  }

  /** Render all texts again in the current language. */
  redraw() {
    if (!this.job) return this.clear();
    for (const { image } of this.figures.values()) image.parentElement.title = tr("enlarge");
    this.grid?.build(this.job);
    this.#draw(this.job);
    this.#showChosen();
    this.#hint();
    for (const figure of this.figures.values()) figure.caption.textContent = tr(...figure.text);
  }

  #reset() {
    clearInterval(this.timer);
    this.controller.abort();
    this.controller = new AbortController();
    for (const { image } of this.figures.values()) releaseImage(image);
    releaseWall(this.elements.pictures);
    this.grid?.release();
    this.grid = this.chosen = null;
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
      // Small pictures are shown at twice their size at most, because a browser only blurs them.
      const image = make("img", { alt: "", onload: () => { image.width = image.naturalWidth * (image.naturalWidth < MAX_DOUBLED ? 2 : 1); } });
      const caption = make("figcaption");
      const actions = make("p", { className: "row" });
      const open = make("button", { type: "button", className: "picture", title: tr("enlarge"), onclick: () => this.#zoom(number) }, image);
      this.figures.set(number, { image, caption, actions, next: null, busy: false, done: false });
      const after = [...this.figures].find(([other]) => other > number)?.[1].caption.parentElement ?? null;
      this.elements.pictures.insertBefore(make("figure", {}, open, caption, actions), after);
      this.#showChosen();
    }
    return this.figures.get(number);
  }

  /** Show one picture of a grid below its table. */
  #choose(number) {
    this.chosen = number;
    this.#showChosen();
    const { image, url } = this.figures.get(number) ?? {};
    if (url && !image.src) loadImage(image, url).catch(this.on.onError);
  }

  /** Of a grid, show the chosen picture only; before one is chosen, the newest. */
  #showChosen() {
    if (!this.grid) return;
    const chosen = this.chosen ?? Math.max(...this.figures.keys());
    for (const [number, { caption }] of this.figures) caption.parentElement.hidden = number !== chosen;
    this.grid.mark(chosen);
  }

  #zoom(number) {
    const shown = [...this.figures].filter(([, { image }]) => image.src);
    const pictures = shown.map(([, { image, caption }]) => ({ src: image.src, text: caption.textContent }));
    const index = shown.findIndex(([other]) => other === number);
    if (index >= 0) this.on.zoom(pictures, index);
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
    figure.url = url;
    if (this.grid) this.#caption(figure, "gridPicture", number + 1, this.grid.valuesOf(number));
    else this.#caption(figure, "picture", number + 1, seed);
    if (!figure.caption.parentElement.hidden) await loadImage(figure.image, url);
  }

  /** Show how far a job was painted that was stopped before its first picture. */
  #showLastPreview(job) {
    const figure = this.#figure(0);
    figure.image.alt = job.request.prompts.join(" ");
    this.#caption(figure, "preview", job.step);
    loadImage(figure.image, `../v1/jobs/${job.id}/thumbnail.webp?side=1024`).catch(() => {});  // it may have no preview
  }

  #caption(figure, ...text) {
    figure.text = text;
    figure.caption.textContent = tr(...text);
  }

  /** Add a message about the job, unless it is shown beside the form, and show all messages. */
  #hint(text = null) {
    if (text && !this.on.isKnown(text)) this.hints.push(text);
    this.elements.hints.replaceChildren(...this.hints.map((hint) => make("p", { textContent: localized(hint) })));
  }

  #draw(job) {
    const { progress, status, actions, recipe, share } = this.elements;
    this.job = job;
    progress.hidden = isEnded(job);
    progress.value = job.progress;
    if (!this.disconnected) status.textContent = statusText(job);
    this.grid?.update(job);
    // Unchanged buttons and texts are kept, so that focus and selection are not lost.
    const drawnState = JSON.stringify([language(), job.id, job.state, job.cancelling, job.pictures.length, job.animations.length, this.on.isFavourite(job)]);
    if (drawnState === this.drawnState) return;
    this.drawnState = drawnState;
    recipe.hidden = share.hidden = false;
    this.#drawSubject(job);
    recipe.querySelector("pre").textContent = JSON.stringify(job.request, null, 1);
    actions.replaceChildren(...this.#actions(job));
    for (const picture of job.pictures) this.#figure(picture.number).actions.replaceChildren(...this.#pictureActions(job, picture));
  }

  /** Show what is painted: the prompts, and style, artist and canvas. */
  #drawSubject({ request }) {
    const { subject } = this.elements, [prompts, details] = subject.children;
    subject.hidden = false;
    prompts.textContent = request.prompts.join(" / ");
    details.textContent = [request.style, request.artist, request.size?.join("×")].filter(Boolean).join(" · ");
  }

  #button(word, act, fields = {}) {
    return make("button", { type: "button", textContent: tr(word), onclick: () => Promise.resolve(act()).catch(this.on.onError), ...fields });
  }

  /** Return the buttons of one finished picture. */
  #pictureActions(job, picture) {
    const { caption } = this.#figure(picture.number);
    return this.on.pictureButtons(jobOf(job, picture), picture, { zoom: () => this.#zoom(picture.number), caption: () => caption.textContent });
  }

  /** Hide a picture that is about to be deleted, or show it again. */
  hidePicture(job, number, hidden) {
    const figure = this.job?.id === job.id && this.figures.get(number);
    if (figure) figure.caption.parentElement.hidden = hidden;
    if (figure) this.grid?.hide(number, hidden);
  }

  /** Return the buttons of the whole job. */
  #actions(job) {
    if (!isEnded(job)) return [this.#button("stop", () => this.#stop(job), { disabled: job.cancelling })];
    const buttons = job.state === "finished" || job.is_run ? [] : [this.#button("resume", () => this.#resume(job))];
    buttons.push(this.#button("repeat", () => this.on.repeat(job)), this.#button("reuse", () => this.on.reuse(job)));
    if (job.sheet && job.grid.length) buttons.push(this.#button("saveSheet", () => download(job.sheet, `danqing-${job.id.slice(0, 8)}-sheet.png`)));
    const word = this.on.isFavourite(job) ? "unfavourite" : "favourite";
    buttons.push(this.#button(word, () => { this.on.favourite(job); this.#draw(job); }));
    buttons.push(this.#button("delete", () => this.on.remove(job)));
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
}
