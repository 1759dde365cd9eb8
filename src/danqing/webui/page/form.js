// The form: one control for each field of a request; empty controls show the model's default.

import { localized, language, tr } from "./i18n.js";

const MAIN_FIELDS = ["prompts", "artist", "style", "size", "quality", "seed", "init_image"];
const SUGGESTIONS = {
  artist: ["齐白石", "徐悲鸿", "吴冠中", "张大千", "王希孟", "梵高", "莫奈", "葛饰北斋", "歌川广重", "透纳"],
  style: ["水墨画", "工笔画", "青绿山水", "油画", "印象派", "水彩画", "浮世绘", "像素画", "素描"],
  size: ["128x128", "256x128", "384x128", "128x256", "256x256", "384x256", "512x512", "1280x768"],
};
const MAX = 11;  // MB of an init image; base64 adds a third, and the service accepts 16 MB

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
      else if (name !== "prompts" && "placeholder" in input) input.placeholder = preset;
      container.classList.toggle("given", name in texts && !MAIN_FIELDS.includes(name));
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

  /** Set or remove the init image. */
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

  #default(control) {
    const name = this.controls.get("model")?.input.value;
    const model = this.schema.models.find((one) => one.name === name) ?? this.schema.models[0];
    const quality = this.controls.get("quality")?.input.value || "standard";
    return model?.defaults[quality][control.name] ?? control.default;
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
        return { input: make("textarea", { name, rows: 3, placeholder: "孤舟蓑笠翁，独钓寒江雪", oninput: change, maxLength: 4000 }) };
      case "picture":
        return this.#picture(name);
      case "switch":
        return { input: select(name, [["", ""], ["true", tr("yes")], ["false", tr("no")]], change) };
      case "choice":
        if (name === "quality") return { input: select(name, [["draft", tr("draft")], ["", tr("standard")], ["fine", tr("fine")]], change) };
        return { input: select(name, [["", ""], ...control.choices.map((word) => [word, word])], change) };
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
    if (!(name in SUGGESTIONS)) return { input };
    const list = make("datalist", { id: `list-${name}` }, ...SUGGESTIONS[name].map((word) => make("option", { value: word })));
    input.setAttribute("list", list.id);
    return { input, content: make("span", {}, input, list) };
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
    return { input: chooser, chooser, image, remove, content: make("span", { className: "start" }, image, chooser, remove) };
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
