// Choosing two settings and their values: one picture is painted for every combination.

import { Check } from "./check.js";
import { openDialog } from "./dialog.js";
import { make, newSeed } from "./form.js";
import { tr } from "./i18n.js";

const MAX_COUNT = 8;  // values of a range
const RANGES = {  // from, to, and the smallest difference of two values
  steps: { step: 1 },
  guidance_scale: { from: 2, to: 8, step: 0.5 },
  strength: { from: 0.3, to: 0.9, step: 0.05 },
};

/**
 * Open the dialog. `form` has values(), default(field) as text, names(field) that the model knows, and hasInitImage();
 * `on.submit(request)` is called with the request of the grid.
 */
export function openGrid(form, on) {
  const fields = offered(form);
  const axes = [new AxisChoice("gridColumns", fields, "style", form, changed), new AxisChoice("gridRows", ["", ...fields], "seed", form, changed)];
  const count = make("p", { className: "estimate", role: "status" });
  const estimate = make("span", { className: "estimate" });
  const problem = make("p", { className: "problem", role: "alert" });
  const check = new Check(estimate, () => request(form, axes), { notices: false });
  const paint = make("button", { className: "primary", textContent: tr("paint") });
  const body = make("form", { method: "dialog" }, make("div", { className: "beside axes" }, ...axes.map((axis) => axis.element)), count, estimate, problem, make("p", { className: "row" }, paint));
  body.onsubmit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    try {
      await on.submit(request(form, axes));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  function changed() {
    const sizes = axes.map((axis) => axis.values().length);
    const pictures = sizes[0] * (axes[1].field ? sizes[1] : 1);
    paint.disabled = !pictures || axes[0].field === axes[1].field;
    count.textContent = axes[0].field === axes[1].field ? tr("gridSame") : tr("gridCount", pictures);
    if (!paint.disabled) check.schedule();
  }
  const dialog = openDialog(tr("grid"), [make("p", { textContent: tr("gridHint") }), body]);
  changed();
}

/** Return the settings that can be varied now. */
function offered(form) {
  const fields = ["style", "artist", "prompts", "seed", "steps"];
  if (form.default("guidance_scale")) fields.push("guidance_scale");
  if (form.hasInitImage()) fields.push("strength");
  return fields.filter((field) => !["style", "artist"].includes(field) || form.names(field).length);
}

/** Return the request of the grid: what the form contains, and the values of the axes. */
function request(form, axes) {
  const { n_batches, batch_size, ...values } = form.values();
  const parts = axes.filter((axis) => axis.field).map((axis) => `${axis.field}=${axis.values().join("|")}`);
  const sentences = axes.find((axis) => axis.field === "prompts")?.values();
  return { ...values, ...(sentences && !values.prompts && { prompts: sentences.slice(0, 1) }), grid: parts.join("; ") };
}

/** The choice of one setting and its values. */
class AxisChoice {
  constructor(word, fields, chosen, form, changed) {
    Object.assign(this, { word, form, changed });
    this.select = make("select", { name: word, onchange: () => this.#build() }, ...fields.map((field) => make("option", { value: field, textContent: tr(`grid_${field || "none"}`) })));
    this.select.value = fields.includes(chosen) ? chosen : fields[0];
    this.content = make("div");
    this.element = make("fieldset", {}, make("legend", { textContent: tr(word) }), this.select, this.content);
    this.#build(false);
  }

  get field() {
    return this.select.value;
  }

  /** Return the values of the setting as texts. */
  values() {
    return this.field ? this.read() : [];
  }

  #build(isChange = true) {
    const { field } = this;
    this.content.replaceChildren(...(field ? this.#inputs(field) : []));
    if (isChange) this.changed();
  }

  #inputs(field) {
    if (field === "style" || field === "artist") return this.#names(field);
    if (field === "prompts") return this.#sentences();
    return field === "seed" ? this.#seeds() : this.#range(field);
  }

  #names(field) {
    const boxes = this.form.names(field).map(({ value, text }, index) =>
      ({ value, box: make("input", { type: "checkbox", checked: index < 3, value, onchange: this.changed }), text }));
    this.read = () => boxes.filter(({ box }) => box.checked).map(({ value }) => value);
    return [make("div", { className: "several" }, ...boxes.map(({ box, text }) => make("label", {}, box, ` ${text}`)))];
  }

  #sentences() {
    const input = make("textarea", { name: `${this.word}-sentences`, rows: 4, maxLength: 1500, value: (this.form.values().prompts ?? []).join("\n"), oninput: this.changed });
    input.setAttribute("aria-label", tr("grid_prompts"));
    this.read = () => input.value.split("\n").map((line) => line.replace(/[|｜;；]/g, "，").trim()).filter(Boolean);
    return [input, make("small", { textContent: tr("gridSentences") })];
  }

  #seeds() {
    const seeds = [this.form.values().seed ?? newSeed(), ...Array.from({ length: MAX_COUNT - 1 }, newSeed)];
    const count = this.#number("gridHowMany", { min: 2, max: MAX_COUNT, value: 3 });
    this.read = () => seeds.slice(0, clamp(count.input.value, 1, MAX_COUNT));
    return [count.label];
  }

  #range(field) {
    const usual = Number(this.form.default(field));
    const { from = Math.max(2, Math.round(usual / 2)), to = Math.round(usual * 2), step } = RANGES[field];
    const [low, high] = [this.#number("gridFrom", { value: from, step, min: 0 }), this.#number("gridTo", { value: to, step, min: 0 })];
    const count = this.#number("gridHowMany", { min: 2, max: MAX_COUNT, value: 3 });
    const list = make("small");
    this.read = () => {
      const many = clamp(count.input.value, 1, MAX_COUNT), first = Number(low.input.value), last = Number(high.input.value);
      const all = Array.from({ length: many }, (_, index) => first + ((last - first) * index) / Math.max(1, many - 1));
      const values = [...new Set(all.map((value) => String(Number((Math.round(value / step) * step).toFixed(2)))))];
      list.textContent = values.join(" · ");
      return values;
    };
    return [make("p", { className: "row" }, low.label, high.label, count.label), list];
  }

  #number(word, fields) {
    const input = make("input", { type: "number", name: `${this.word}-${word}`, oninput: this.changed, ...fields });
    return { input, label: make("label", {}, `${tr(word)} `, input) };
  }
}

const clamp = (text, low, high) => Math.min(Math.max(Math.round(Number(text)) || low, low), high);
