// The process of a picture: its stored steps behind a slider, charts of its distance from the prompts, and branches.

import { bytes, events } from "./api.js";
import { recipeFields } from "./derive.js";
import { labelled, openDialog } from "./dialog.js";
import { make, newSeed } from "./form.js";
import { tr } from "./i18n.js";
import { lossCurve } from "./loss-curve.js";
import { strengthChart } from "./strength-chart.js";

const FRAME_MS = 180;

/** Open the film of a finished picture; `on.submit(request)` is called with the request of a branch. */
export async function openFilm(job, picture, on) {
  const { frames, steps, prompts } = await readProcess(job, picture.number);
  frames.push({ url: picture.url, step: null });
  const charts = [lossCurve(steps, frames), strengthChart(steps, prompts, frames)].filter(Boolean);
  new Film(job, picture, { frames, charts, on });
}

/** Return the stored previews of a picture, {url, step}, the steps of its batch as in the events, and the texts of the prompts. */
async function readProcess(job, number) {
  const controller = new AbortController();
  const frames = [], steps = [], batch = Math.floor(number / job.request.batch_size);
  let prompts = [];
  for await (const { type, data } of events(job.id, controller.signal)) {
    if (type === "disconnected") throw new Error(tr("unreachable"));
    if (type === "previewed" && data.picture === number && data.url && !data.last) frames.push({ url: data.url, step: data.step });
    if (type === "started") prompts = data.prompts ?? [];
    if (type === "stepped" && data.batch === batch) steps[data.step] = data;
    if (type === "completed" && data.picture === number && !isFollowed(job, number)) break;
  }
  controller.abort();
  return { frames, steps, prompts };
}

/** Return true if other pictures of the same batch follow; then the rest of the log is read too. */
const isFollowed = (job, number) => (number + 1) % job.request.batch_size !== 0;

class Film {
  constructor(job, picture, { frames, charts, on }) {
    Object.assign(this, { job, picture, frames, charts, on, addresses: new Map() });
    this.image = make("img", { alt: "", onload: () => this.#fit() });
    this.caption = make("figcaption", { role: "status" });
    this.slider = make("input", { type: "range", min: 0, max: frames.length - 1, value: frames.length - 1, oninput: () => this.#show() });
    this.slider.setAttribute("aria-label", tr("filmStep"));
    this.play = make("button", { type: "button", textContent: tr("playFilm"), onclick: () => this.#togglePlay() });
    const figure = make("figure", {}, this.image, this.caption);
    const side = make("div", {}, ...charts.map((chart) => chart.element), this.#branchForm());
    const controls = make("p", { className: "row film" }, this.play, this.slider);
    openDialog(tr("film"), [make("div", { className: "beside" }, make("div", {}, figure, controls), side)], { className: "wide", onClose: () => this.#close() });
    this.#show();
    this.slider.focus();
  }

  async #show() {
    const index = Number(this.slider.value), { url, step } = this.frames[index];
    this.caption.textContent = step === null ? tr("filmEnd") : tr("preview", step + 1);
    for (const chart of this.charts) chart.mark(index);
    this.#updateBranch(step);
    if (!this.addresses.has(url)) this.addresses.set(url, bytes(url).then((blob) => URL.createObjectURL(blob)));
    const address = await this.addresses.get(url).catch(() => "");
    if (address && Number(this.slider.value) === index) this.image.src = address;
    return address;
  }

  /** Show all frames in one size: small previews at twice their size at most. */
  #fit() {
    const { naturalWidth: width } = this.image;
    this.image.style.width = `${width < 320 ? width * 2 : width}px`;
  }

  async #togglePlay() {
    this.playing = !this.playing;
    this.play.textContent = tr(this.playing ? "pauseFilm" : "playFilm");
    if (Number(this.slider.value) === this.frames.length - 1) this.slider.value = 0;
    while (this.playing) {
      await Promise.all([this.#show(), new Promise((go) => setTimeout(go, FRAME_MS))]);
      if (Number(this.slider.value) === this.frames.length - 1) break;
      if (this.playing) this.slider.value = Number(this.slider.value) + 1;
    }
    this.playing = false;
    this.play.textContent = tr("playFilm");
  }

  #branchForm() {
    const { request } = this.job;
    if (!this.picture.steps?.length) {
      const again = { ...recipeFields(this.job, this.picture), save: [...new Set([...request.save, "steps"])] };
      const button = make("button", { type: "button", textContent: tr("paintWithSteps"), onclick: () => this.#send(again) });
      this.problem = make("p", { className: "problem", role: "alert" });
      const isWhole = !request.init_image && !this.job.start && !request.branch;
      return make("div", {}, make("p", { textContent: tr("noSteps") }), ...(isWhole ? [button] : []), this.problem);
    }
    this.prompt = make("textarea", { name: "branch-prompt", rows: 3, maxLength: 4000, value: request.prompts.join("\n"), lang: "zh" });
    this.otherSeed = make("input", { type: "checkbox", name: "branch-seed" });
    this.branch = make("button", { className: "primary" });
    this.problem = make("p", { className: "problem", role: "alert" });
    const form = make("form", { method: "dialog" }, labelled("branchPrompt", this.prompt),
      make("label", {}, this.otherSeed, ` ${tr("otherSeed")}`), this.problem, make("p", { className: "row" }, this.branch));
    form.onsubmit = (event) => {
      event.preventDefault();
      const prompts = this.prompt.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const seed = this.otherSeed.checked ? { seed: newSeed() } : {};
      this.#send({ prompts, ...seed, branch: `${this.job.id}/${this.picture.number}@${this.branchStep}` });
    };
    return form;
  }

  /** Branch after the last stored step that is not later than the shown one. */
  #updateBranch(step) {
    if (!this.branch) return;
    const stored = this.picture.steps.filter((other) => step === null || other <= step);
    this.branchStep = stored.at(-1);
    this.branch.disabled = stored.length === 0;
    this.branch.textContent = stored.length ? tr("branchFrom", this.branchStep + 1) : tr("branchNowhere");
  }

  async #send(request) {
    this.problem.textContent = "";
    try {
      await this.on.submit(request);
      this.image.closest("dialog").close();
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async #close() {
    this.playing = false;
    for (const address of this.addresses.values()) URL.revokeObjectURL(await address.catch(() => ""));
  }
}
