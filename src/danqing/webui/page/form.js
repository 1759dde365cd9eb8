// The form: one control for each field of a request; empty controls show the model's default.

import { localized, language, tr } from "./i18n.js";
import { StyleCards } from "./style-cards.js";

const MAIN_FIELDS = ["prompts", "style", "artist", "size", "quality", "seed", "init_image"];
const WITH_CARDS = ["style", "artist"];
const COUNTS = [1, 2, 4, 8];
const SHAPES = { square: [1, 1], wide: [2, 1], tall: [1, 2], scroll: [3, 1] };  // multiples of the model's shorter side
const FAN = { name: "fan", format: "扇面" };  // painted on a canvas of its own and cut out
const MAX_SIDE = 512;  // of a square; longer shapes of larger models would exceed the limit of the service
const MAX = 11;  // MB of an initial image; base64 adds a third, and the service accepts 16 MB

/** Create an element with attributes, properties and children. */
export function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The form described by `form.json`. */
export class Form {
  constructor(front, rest) {
    this.sections = { front, rest };
    this.schema = { groups: [], models: [] };
    this.controls = new Map();
    this.initImage = null;  // data URI
  }

  /** Set the form schema. */
  setSchema(schema) {
    this.schema = schema;
  }

  /** Set the models that the service offers, the default first. */
  setModels(names) {
    const models = names.map((name) => this.schema.models.find((model) => model.name === name)).filter(Boolean);
    this.schema = { ...this.schema, models };
    this.build();
  }

  /** Create all controls in the current language and restore their texts. */
  build(texts = this.texts()) {
    const { front, rest } = this.sections;
    front.replaceChildren();
    rest.replaceChildren();
    this.controls = new Map();
    const all = this.schema.groups.flatMap((group) => group.controls);
    if (all.length) for (const name of MAIN_FIELDS) front.append(this.#control(all.find((control) => control.name === name)));
    if (all.length) front.querySelector(".quality").after(this.#counts());
    for (const group of this.schema.groups) {
      const others = group.controls.filter((control) => !MAIN_FIELDS.includes(control.name));
      if (others.length) rest.append(make("fieldset", {}, make("legend", { textContent: localized(group) }), ...others.map((one) => this.#control(one))));
    }
    this.setTexts(texts);
  }

  /** Return the texts of all filled controls by field name. */
  texts() {
    const values = {};
    for (const [name, { control, input }] of this.controls) {
      if (control.kind === "picture") continue;
      const text = control.kind === "several" ? checkedValues(input).join(",") : input.value.trim();
      if (control.kind === "several" ? text !== this.#default(control) : text) values[name] = text;
    }
    return values;
  }

  /** Return the fields of a request that the user has filled in. */
  values() {
    const values = {};
    for (const [name, text] of Object.entries(this.texts())) {
      const { kind } = this.controls.get(name).control;
      if (kind === "lines") values[name] = text.split("\n").map((line) => line.trim()).filter(Boolean);
      else if (kind === "list" || kind === "several") values[name] = text.split(/[,，\s]+/).filter(Boolean);
      else values[name] = text;
    }
    if (this.initImage) values.init_image = this.initImage;
    return values;
  }

  /** Set the texts of all controls; controls that are not named become empty. */
  setTexts(texts) {
    for (const [name, { control, input }] of this.controls) {
      if (control.kind === "several") setChecked(input, (texts[name] ?? this.#default(control)).split(","));
      else if (control.kind !== "picture") input.value = texts[name] ?? "";
    }
    this.refresh();
  }

  /** Fill in the values of a request that differ from the model's defaults. */
  setRequest(request) {
    const texts = {};
    this.controls.get("model").input.value = request.model === "auto" ? "" : request.model;
    this.controls.get("quality").input.value = request.quality === "standard" ? "" : request.quality;
    for (const [name, { control }] of this.controls) {
      const value = request[name];
      if (name === "n_batches" && request.grid) continue;  // follows from the grid
      if (value === undefined || value === null) continue;
      const text = toText(control.kind, value);
      if (name === "model" ? text !== "auto" : text !== this.#default(control)) texts[name] = text;
    }
    this.setTexts(texts);
  }

  /** Show the model's defaults and mark changed fields. */
  refresh() {
    const texts = this.texts();
    for (const [name, { control, input, container }] of this.controls) {
      const preset = this.#default(control);
      if (control.kind === "choice" || control.kind === "switch") {
        const word = control.kind === "switch" ? tr(preset === "true" ? "yes" : "no") : preset;
        if (name !== "quality") input.options[0].textContent = `${tr("preset")} ${word}`;
      } else if (name === "seed") input.placeholder = tr("anySeed");
      else if (WITH_CARDS.includes(name)) input.placeholder = tr("anyName");
      else if (name !== "prompts" && "placeholder" in input) input.placeholder = preset;
      container.classList.toggle("given", name in texts && !MAIN_FIELDS.includes(name));
      this.controls.get(name).cards?.refresh(this.#model()?.known ?? []);
    }
    const size = texts.size ?? this.#defaultOf("size");
    for (const button of this.sections.front.querySelectorAll("[data-shape]")) {
      const isFan = button.dataset.shape === FAN.name;
      button.setAttribute("aria-pressed", String(isFan ? texts.format === FAN.format : !texts.format && this.#shape(button.dataset.shape) === size));
    }
    const count = Number(texts.n_batches || this.#defaultOf("n_batches")) * Number(texts.batch_size || this.#defaultOf("batch_size"));
    for (const button of this.sections.front.querySelectorAll("[data-count]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.count) === count));
    }
  }

  /** Mark a field as invalid and focus it; null clears all marks. */
  markInvalid(name) {
    for (const { container, input } of this.controls.values()) {
      container.classList.remove("wrong");
      input.removeAttribute("aria-invalid");
    }
    const control = this.controls.get(name?.split(".")[0]);
    if (!control) return;
    control.container.classList.add("wrong");
    control.input.setAttribute("aria-invalid", "true");
    control.container.closest("details")?.setAttribute("open", "");
    control.input.focus?.();
  }

  /** Set or remove the initial image. */
  async setInitImage(file) {
    if (file && !/^image\/(png|jpeg|webp)$/.test(file.type)) throw new Error(tr("notPicture"));
    if (file && file.size > MAX * 2 ** 20) throw new Error(tr("tooLarge", MAX));
    this.initImage = file ? await toDataUri(file) : null;
    const { image, remove, chooser } = this.controls.get("init_image");
    image.hidden = remove.hidden = !this.initImage;
    if (this.initImage) image.src = this.initImage;
    else image.removeAttribute("src");
    if (!this.initImage) chooser.value = "";
    this.refresh();
  }

  /** Return the chosen model; undefined before the models are known. */
  #model() {
    const name = this.controls.get("model")?.input.value;
    return this.schema.models.find((one) => one.name === name) ?? this.schema.models[0];
  }

  /** Return the default of a field of the chosen model as text. */
  default(name) {
    return this.#defaultOf(name);
  }

  /** Return the names of styles or artists in the vocabulary of the chosen model: {value, text}. */
  names(field) {
    const known = this.#model()?.known ?? [];
    const cards = this.schema[field].map((card) => ({ value: [card.zh, card.en].find((name) => known.includes(name)), text: localized(card) }));
    return cards.filter(({ value }) => value);
  }

  /** True if an init image is chosen. */
  hasInitImage() {
    return Boolean(this.initImage);
  }

  #default(control) {
    const quality = this.controls.get("quality")?.input.value || "standard";
    return this.#model()?.defaults[quality][control.name] ?? control.default;
  }

  #defaultOf(name) {
    const found = this.controls.get(name);
    return found ? this.#default(found.control) : "1";
  }

  /** Return the size of a named shape for the chosen model, for example 384x128. */
  #shape(name) {
    const side = Math.min(MAX_SIDE, ...this.#defaultOf("size").split("x").map(Number));
    return SHAPES[name].map((times) => times * side).join("x");
  }

  /** Return buttons for the number of pictures. */
  #counts() {
    const choose = (count) => this.#fill({ n_batches: count === 1 ? "" : String(count), batch_size: "" });
    const buttons = COUNTS.map((count) => make("button", { type: "button", textContent: count, "data-count": count, onclick: () => choose(count) }));
    const head = make("b", { id: "label-count", textContent: tr("count") });
    const grid = make("button", { type: "button", className: "grid", textContent: `${tr("grid")}…`, title: tr("gridHint"), onclick: () => this.sections.front.dispatchEvent(new Event("grid", { bubbles: true })) });
    return make("div", { className: "control count" }, head, make("span", { className: "choices", role: "group", "aria-labelledby": head.id }, ...buttons, grid));
  }

  #shapes() {
    const button = (name, texts) => make("button", { type: "button", textContent: tr(name), "data-shape": name, onclick: () => this.#fill(texts()) });
    return [...Object.keys(SHAPES).map((name) => button(name, () => ({ size: this.#shape(name), format: "" }))), button(FAN.name, () => ({ size: "", format: FAN.format }))];
  }

  /** Set the texts of some controls and report it like typing. */
  #fill(texts) {
    for (const [name, text] of Object.entries(texts)) this.controls.get(name).input.value = text;
    this.refresh();
    this.sections.front.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #control(control) {
    const unit = language() === "zh" ? control.unit_zh : control.unit_en;
    const front = MAIN_FIELDS.includes(control.name);
    const parts = this.#input(control);
    parts.input.id = `control-${control.name}`;
    const head = make("label", { id: `label-${control.name}`, htmlFor: parts.input.id, title: localized(control) }, make("b", { textContent: front ? tr(control.name) : localized(control) }));
    if (!front) head.append(make("code", { textContent: control.name }));
    const container = make("div", { className: `control ${control.kind} ${control.name}` }, head, parts.content ?? parts.input);
    if (!front && control.range && !["choice", "several"].includes(control.kind)) container.append(make("small", { textContent: `${control.range} ${unit}` }));
    this.controls.set(control.name, { control, container, ...parts });
    return container;
  }

  #input(control) {
    const { name, kind } = control;
    const change = () => this.refresh();
    switch (kind) {
      case "lines":
        return this.#lines(name, change);
      case "picture":
        return this.#picture(name);
      case "switch":
        return { input: select(name, [["", ""], ["true", tr("yes")], ["false", tr("no")]], change) };
      case "choice":
        if (name === "quality") return { input: select(name, [["draft", tr("draft")], ["", tr("standard")], ["fine", tr("fine")]], change) };
        return { input: select(name, [["", ""], ...control.choices.map((word, number) => [word, language() === "zh" ? word : control.choices_en[number]])], change) };
      case "several": {
        const boxes = control.choices.map((word) => make("label", {}, make("input", { type: "checkbox", value: word, onchange: change }), ` ${word}`));
        return { input: make("span", { role: "group", "aria-labelledby": `label-${name}` }, ...boxes) };
      }
    }
    if (name === "model") {
      const models = this.schema.models.map((model) => [model.name, `${model.name} · ${localized(model)}`]);
      return { input: select(name, [["", "auto"], ...models], change) };
    }
    const input = make("input", { name, type: "text", spellcheck: false, oninput: change, inputMode: kind === "number" ? "decimal" : "text" });
    if (name === "seed") {
      const dice = make("button", { type: "button", textContent: tr("dice"), onclick: () => { input.value = newSeed(); change(); } });
      return { input, content: make("span", { className: "start" }, input, dice) };
    }
    if (name === "size") return { input, content: make("span", { className: "choices" }, ...this.#shapes(), input) };
    if (!WITH_CARDS.includes(name)) return { input };
    const cards = new StyleCards(this.schema[name], input, () => this.#fill({}));
    return { input, cards, content: make("span", {}, input, cards.element) };
  }

  #lines(name, oninput) {
    const hint = make("small", { id: "hint-prompts", textContent: tr("promptsHint") });
    const input = make("textarea", { name, rows: 3, placeholder: tr("examplePrompt"), oninput, maxLength: 4000, "aria-describedby": hint.id });
    input.onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) input.form.requestSubmit(); };
    return { input, content: make("span", {}, input, hint) };
  }

  #picture(name) {
    const chooser = make("input", { name, type: "file", accept: "image/png,image/jpeg,image/webp" });
    const image = make("img", { alt: "", hidden: !this.initImage, ...(this.initImage && { src: this.initImage }) });
    const remove = make("button", { type: "button", textContent: tr("removeImage"), hidden: !this.initImage });
    const notify = (what, detail) => chooser.dispatchEvent(new CustomEvent(what, { bubbles: true, detail }));
    chooser.onchange = async () => {
      try {
        await this.setInitImage(chooser.files[0] ?? null);
        notify("accepted");
      } catch (error) {
        chooser.value = "";
        notify("rejected", error.message);
      }
    };
    remove.onclick = () => this.setInitImage(null);
    return { input: chooser, chooser, image, remove, content: make("span", { className: "start" }, image, make("label", { className: "button" }, tr("chooseImage"), chooser), remove) };
  }
}

/** Return a random seed. */
export const newSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

/** Return a request value as the text of a control. */
function toText(kind, value) {
  if (kind === "size") return value.join("x");
  if (kind === "lines") return value.map((line) => line.replaceAll("\n", " ")).join("\n");
  return Array.isArray(value) ? value.join(",") : String(value);
}

const select = (name, options, onchange) =>
  make("select", { name, onchange }, ...options.map(([value, textContent]) => make("option", { value, textContent })));

const checkedValues = (container) => [...container.querySelectorAll("input:checked")].map((box) => box.value);

function setChecked(container, words) {
  for (const box of container.querySelectorAll("input")) box.checked = words.includes(box.value);
}

/** Read a file as a data URI. */
export function toDataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
