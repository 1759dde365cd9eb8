// The form: a control for every field of a request, with the chosen model's own values where nothing is said.

import { either, language, say } from "./i18n.js";

const FRONT = ["prompts", "artist", "style", "size", "quality", "seed", "init_image"];
const LISTS = {
  artist: ["齐白石", "徐悲鸿", "吴冠中", "张大千", "王希孟", "梵高", "莫奈", "葛饰北斋", "歌川广重", "透纳"],
  style: ["水墨画", "工笔画", "青绿山水", "油画", "印象派", "水彩画", "浮世绘", "像素画", "素描"],
  size: ["128x128", "256x128", "384x128", "128x256", "256x256", "384x256", "512x512", "1280x768"],
};
const MOST = 11;  // MB of a start picture: as base64, in JSON, it grows by a third, and the service reads 16

/** An element with attributes, properties and children. */
export function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The form over the controls and models of `controls.json`. */
export class Form {
  constructor(front, rest) {
    this.places = { front, rest };
    this.board = { groups: [], models: [] };
    this.controls = new Map();
    this.start = null;  // the start picture as a data URI
  }

  /** These are the controls, and the models of this machine. */
  use(board) {
    this.board = board;
  }

  /** These models may be asked for, the first of them where none is. */
  offer(names) {
    const models = names.map((name) => this.board.models.find((model) => model.name === name)).filter(Boolean);
    this.board = { ...this.board, models };
    this.build();
  }

  /** Make all controls anew, in the language that is spoken now, with what was written in them. */
  build(written = this.written()) {
    const { front, rest } = this.places;
    front.replaceChildren();
    rest.replaceChildren();
    this.controls = new Map();
    const all = this.board.groups.flatMap((group) => group.controls);
    if (all.length) for (const name of FRONT) front.append(this.#control(all.find((control) => control.name === name)));
    for (const group of this.board.groups) {
      const others = group.controls.filter((control) => !FRONT.includes(control.name));
      if (others.length) rest.append(make("fieldset", {}, make("legend", { textContent: either(group) }), ...others.map((one) => this.#control(one))));
    }
    this.write(written);
  }

  /** What stands in the controls, by name, as texts. */
  written() {
    const found = {};
    for (const [name, { control, input }] of this.controls) {
      if (control.kind === "picture") continue;
      const text = control.kind === "several" ? ticked(input).join(",") : input.value.trim();
      if (control.kind === "several" ? text !== this.#preset(control) : text) found[name] = text;
    }
    return found;
  }

  /** The fields of a request: only what was said. */
  values() {
    const found = {};
    for (const [name, text] of Object.entries(this.written())) {
      const { kind } = this.controls.get(name).control;
      if (kind === "lines") found[name] = text.split("\n").map((line) => line.trim()).filter(Boolean);
      else if (kind === "list" || kind === "several") found[name] = text.split(/[,，\s]+/).filter(Boolean);
      else found[name] = text;
    }
    if (this.start) found.init_image = this.start;
    return found;
  }

  /** Write texts into the controls; what is not named is emptied. */
  write(texts) {
    for (const [name, { control, input }] of this.controls) {
      if (control.kind === "several") tick(input, (texts[name] ?? this.#preset(control)).split(","));
      else if (control.kind !== "picture") input.value = texts[name] ?? "";
    }
    this.refresh();
  }

  /** Write a finished request: only what differs from what its model does by itself. */
  reuse(request) {
    const texts = {};
    this.controls.get("model").input.value = request.model === "auto" ? "" : request.model;
    this.controls.get("quality").input.value = request.quality === "standard" ? "" : request.quality;
    for (const [name, { control }] of this.controls) {
      const value = request[name];
      if (value === undefined || value === null) continue;
      const text = asText(control.kind, value);
      if (name === "model" ? text !== "auto" : text !== this.#preset(control)) texts[name] = text;
    }
    this.write(texts);
  }

  /** Show the model's own values, and mark what was said. */
  refresh() {
    const written = this.written();
    for (const [name, { control, input, place }] of this.controls) {
      const preset = this.#preset(control);
      if (control.kind === "choice" || control.kind === "switch") {
        const word = control.kind === "switch" ? say(preset === "true" ? "yes" : "no") : preset;
        if (name !== "quality") input.options[0].textContent = `${say("preset")} ${word}`;
      } else if (name === "seed") input.placeholder = say("anySeed");
      else if (name !== "prompts" && "placeholder" in input) input.placeholder = preset;
      place.classList.toggle("given", name in written && !FRONT.includes(name));
    }
  }

  /** Point to the control that a refusal names. */
  blame(name) {
    for (const { place, input } of this.controls.values()) {
      place.classList.remove("wrong");
      input.removeAttribute("aria-invalid");
    }
    const found = this.controls.get(name?.split(".")[0]);
    if (!found) return;
    found.place.classList.add("wrong");
    found.input.setAttribute("aria-invalid", "true");
    found.place.closest("details")?.setAttribute("open", "");
    found.input.focus?.();
  }

  /** Take a picture to start from, or none. */
  async take(file) {
    if (file && !/^image\/(png|jpeg|webp)$/.test(file.type)) throw new Error(say("notPicture"));
    if (file && file.size > MOST * 2 ** 20) throw new Error(say("tooLarge", MOST));
    this.start = file ? await asUri(file) : null;
    const { image, away, chooser } = this.controls.get("init_image");
    image.hidden = away.hidden = !this.start;
    if (this.start) image.src = this.start;
    else image.removeAttribute("src");
    if (!this.start) chooser.value = "";
    this.refresh();
  }

  #preset(control) {
    const asked = this.controls.get("model")?.input.value;
    const model = this.board.models.find((one) => one.name === asked) ?? this.board.models[0];
    const quality = this.controls.get("quality")?.input.value || "standard";
    return model?.fills[quality][control.name] ?? control.default;
  }

  #control(control) {
    const unit = language() === "zh" ? control.unit_zh : control.unit_en;
    const front = FRONT.includes(control.name);
    const made = this.#input(control);
    made.input.id = `control-${control.name}`;
    const head = make("label", { id: `label-${control.name}`, htmlFor: made.input.id, title: either(control) }, make("b", { textContent: front ? say(control.name) : either(control) }));
    if (!front) head.append(make("code", { textContent: control.name }));
    const place = make("div", { className: `control ${control.kind} ${control.name}` }, head, made.shown ?? made.input);
    if (!front && control.range && !["choice", "several"].includes(control.kind)) place.append(make("small", { textContent: `${control.range} ${unit}` }));
    this.controls.set(control.name, { control, place, ...made });
    return place;
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
        return { input: select(name, [["", ""], ["true", say("yes")], ["false", say("no")]], change) };
      case "choice":
        if (name === "quality") return { input: select(name, [["draft", say("draft")], ["", say("standard")], ["fine", say("fine")]], change) };
        return { input: select(name, [["", ""], ...control.choices.map((word) => [word, word])], change) };
      case "several": {
        const boxes = control.choices.map((word) => make("label", {}, make("input", { type: "checkbox", value: word, onchange: change }), ` ${word}`));
        return { input: make("span", { role: "group", "aria-labelledby": `label-${name}` }, ...boxes) };
      }
    }
    if (name === "model") {
      const models = this.board.models.map((model) => [model.name, `${model.name} · ${either(model)}`]);
      return { input: select(name, [["", "auto"], ...models], change) };
    }
    const input = make("input", { name, type: "text", spellcheck: false, oninput: change, inputMode: kind === "number" ? "decimal" : "text" });
    if (name === "seed") {
      const dice = make("button", { type: "button", textContent: say("dice"), onclick: () => { input.value = newSeed(); change(); } });
      return { input, shown: make("span", { className: "start" }, input, dice) };
    }
    if (!(name in LISTS)) return { input };
    const list = make("datalist", { id: `list-${name}` }, ...LISTS[name].map((word) => make("option", { value: word })));
    input.setAttribute("list", list.id);
    return { input, shown: make("span", {}, input, list) };
  }

  #picture(name) {
    const chooser = make("input", { name, type: "file", accept: "image/png,image/jpeg,image/webp" });
    const image = make("img", { alt: "", hidden: !this.start, ...(this.start && { src: this.start }) });
    const away = make("button", { type: "button", textContent: say("takeAway"), hidden: !this.start });
    const tell = (what, detail) => chooser.dispatchEvent(new CustomEvent(what, { bubbles: true, detail }));
    chooser.onchange = async () => {
      try {
        await this.take(chooser.files[0] ?? null);
        tell("taken");
      } catch (error) {
        chooser.value = "";
        tell("refused", error.message);
      }
    };
    away.onclick = () => this.take(null);
    return { input: chooser, chooser, image, away, shown: make("span", { className: "start" }, image, chooser, away) };
  }
}

/** A seed that nobody has thought of. */
export const newSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

/** A value of a finished request as it is written into a control. */
function asText(kind, value) {
  if (kind === "size") return value.join("x");
  if (kind === "lines") return value.map((line) => line.replaceAll("\n", " ")).join("\n");
  return Array.isArray(value) ? value.join(",") : String(value);
}

const select = (name, options, onchange) =>
  make("select", { name, onchange }, ...options.map(([value, textContent]) => make("option", { value, textContent })));

const ticked = (place) => [...place.querySelectorAll("input:checked")].map((box) => box.value);

function tick(place, words) {
  for (const box of place.querySelectorAll("input")) box.checked = words.includes(box.value);
}

/** A file as a data URI. */
export function asUri(file) {
  return new Promise((good, bad) => {
    const reader = new FileReader();
    reader.onload = () => good(reader.result);
    reader.onerror = () => bad(reader.error);
    reader.readAsDataURL(file);
  });
}
