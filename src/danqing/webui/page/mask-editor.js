// Repaints a part of a picture or extends its canvas: a picture to draw on with mouse, pen or fingers, and handles at its edges.

import { bytes } from "./api.js";
import { change, editableUrl, paintedUrl } from "./derive.js";
import { labelled, openDialog } from "./dialog.js";
import { ExtendHandles } from "./extend-handles.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";
import { MaskStrokes } from "./mask-strokes.js";
import { PinchView } from "./pinch-view.js";

const TOOLS = ["brush", "eraser", "lasso"];
const PADDING = 14;  // pixels around the picture, for the handles
const MAX_TIMES = 4;  // enlargement of small pictures on the screen

/** Open the editor for a picture of a job; `on.submit(request)` is called with the request of the change. */
export async function openMaskEditor(job, picture, on) {
  const [shown, painted] = await Promise.all([editableUrl(job, picture), paintedUrl(job, picture)].map(async (url) => createImageBitmap(await bytes(url))));
  new MaskEditor(job, picture, { shown, size: [painted.width, painted.height], on });
}

class MaskEditor {
  constructor(job, picture, { shown, size, on }) {
    Object.assign(this, { job, picture, size, on, tool: "brush" });
    const picturePixels = make("canvas", { width: shown.width, height: shown.height });
    picturePixels.getContext("2d").drawImage(shown, 0, 0);
    this.canvas = make("canvas", { width: shown.width, height: shown.height, className: "mask", tabIndex: 0 });
    this.canvas.setAttribute("aria-label", tr("maskCanvas"));
    this.strokes = new MaskStrokes(this.canvas);
    this.sheet = make("div", { className: "sheet" }, picturePixels, this.canvas);
    this.stage = make("div", { className: "stage editor" }, this.sheet);
    this.handles = new ExtendHandles(this.sheet, size, () => this.#fit());
    const dialog = openDialog(tr("repaintOrExtend"), [make("div", { className: "beside" }, this.stage, this.#form())], {
      className: "wide",
      onClose: () => removeEventListener("resize", this.fit),
    });
    this.dialog = dialog;
    this.fit = () => this.#fit();
    addEventListener("resize", this.fit);
    this.view = new PinchView(this.stage, this.sheet);
    this.#listen();
    this.#fit();
  }

  #form() {
    const { request } = this.job;
    this.prompt = make("textarea", { name: "edit-prompt", rows: 3, maxLength: 4000, value: request.prompts.join("\n"), lang: "zh" });
    this.tip = make("input", { type: "range", name: "edit-tip", min: 1, max: 100, value: 25 });
    this.feather = make("input", { type: "range", name: "edit-feather", min: 0, max: 32, value: 8 });
    this.problem = make("p", { className: "problem", role: "alert" });
    this.toolButtons = TOOLS.map((tool) => make("button", { type: "button", value: tool, textContent: tr(tool), onclick: () => this.#choose(tool) }));
    const step = (word, act) => make("button", { type: "button", textContent: tr(word), onclick: () => { act(); this.#clearProblem(); } });
    const steps = [step("undo", () => this.strokes.undo()), step("redo", () => this.strokes.redo()), step("clearMask", () => this.strokes.clear())];
    const send = make("button", { className: "primary", textContent: tr("repaint") });
    const form = make("form", { method: "dialog" },
      make("p", { className: "row", role: "group" }, ...this.toolButtons),
      labelled("tipSize", this.tip), make("p", { className: "row" }, ...steps),
      labelled("editPrompt", this.prompt), labelled("softEdge", this.feather),
      make("small", { textContent: tr("extendHint") }), this.handles.buttons(),
      this.problem, make("p", { className: "row" }, send));
    form.onsubmit = async (event) => {
      event.preventDefault();
      send.disabled = true;
      await this.#submit().catch((error) => { this.problem.textContent = error.message; });
      send.disabled = false;
    };
    this.#choose("brush");
    return form;
  }

  #choose(tool) {
    this.tool = tool;
    for (const button of this.toolButtons) button.setAttribute("aria-pressed", String(button.value === tool));
  }

  #clearProblem() {
    this.problem.textContent = "";
  }

  /** Show picture and margins as large as fits: a whole multiple, or smaller, so that nothing is blurred up. */
  #fit() {
    const [left, top, right, bottom] = this.handles.shares();
    const { width, height } = this.canvas;
    const room = Math.min((this.stage.clientWidth - 2 * PADDING) / (width * (1 + left + right)), (innerHeight * 0.62) / (height * (1 + top + bottom)));
    this.times = room >= 1 ? Math.min(MAX_TIMES, Math.floor(room)) : room;
    this.sheet.style.width = `${width * this.times}px`;
    this.sheet.style.height = `${height * this.times}px`;
    this.sheet.classList.toggle("enlarged", this.times >= 2);
    this.handles.place(width * this.times, height * this.times);
  }

  #listen() {
    const position = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return { x: ((event.clientX - box.left) / box.width) * this.canvas.width, y: ((event.clientY - box.top) / box.height) * this.canvas.height };
    };
    const size = (event) => {
      const tip = (Number(this.tip.value) / 100) ** 1.5 * Math.min(this.canvas.width, this.canvas.height);
      return Math.max(1, event.pointerType === "pen" && event.pressure ? tip * (0.3 + 1.4 * event.pressure) : tip);
    };
    this.canvas.onpointerdown = (event) => {
      if (event.button !== 0) return;
      if (this.view.isPinching()) return this.strokes.cancel();
      this.#clearProblem();
      this.canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.strokes.begin(this.tool, position(event), size(event));
    };
    this.canvas.onpointermove = (event) => {
      if (event.pointerId !== this.pointer) return;
      if (this.view.isPinching()) return this.strokes.cancel();
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.strokes.extend(position(each), size(each));
    };
    this.canvas.onpointerup = this.canvas.onpointercancel = (event) => {
      if (event.pointerId !== this.pointer) return;
      this.pointer = null;
      this.strokes.end();
    };
    this.dialog.onkeydown = (event) => {
      if (event.target.matches("textarea, input")) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") event.shiftKey ? this.strokes.redo() : this.strokes.undo();
      if (event.key === "[" || event.key === "]") this.tip.value = Number(this.tip.value) + (event.key === "]" ? 5 : -5);
    };
  }

  async #submit() {
    const extend = this.handles.text(), marked = !this.strokes.isEmpty();
    if (!extend && !marked) throw new Error(tr("nothingMarked"));
    const feather = Math.round(Number(this.feather.value) * Math.min(1, Math.min(...this.size) / 256));
    const prompts = this.prompt.value.split("\n").map((line) => line.trim()).filter(Boolean);
    const fields = { prompts, feather };
    if (extend) fields.extend = extend;
    if (marked) fields.mask = this.strokes.toDataUri(...this.size);
    await this.on.submit(change(this.job, this.picture, fields));
    this.dialog.close();
  }
}
