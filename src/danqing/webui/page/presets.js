// Presets: everything in the form except the prompt and the seed, kept in this browser under a name.

import { make } from "./form.js";
import { tr } from "./i18n.js";
import { load, store } from "./storage.js";

const KEY = "danqing.presets";
const NOT_KEPT = ["prompts", "seed"];

/** Callbacks in `on`: texts() of the form, apply(texts), told(message). */
export class Presets {
  constructor(element, on) {
    Object.assign(this, { element, on });
    this.build();
  }

  /** Create the controls in the current language. */
  build() {
    this.choice = make("select", { ariaLabel: tr("presets"), onchange: () => this.#apply() });
    this.saving = make("button", { type: "button", textContent: tr("savePreset"), onclick: () => this.#ask() });
    this.removing = make("button", { type: "button", textContent: tr("deletePreset"), onclick: () => this.#remove() });
    this.name = make("input", { type: "text", maxLength: 40, ariaLabel: tr("presetName"), placeholder: tr("presetName"), hidden: true });
    this.name.onkeydown = (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.#save(); }
      if (event.key === "Escape") this.#close();
    };
    this.element.replaceChildren(this.choice, this.name, this.saving, this.removing);
    this.#fill("");
  }

  #all() {
    try {
      return JSON.parse(load(KEY) ?? "{}");
    } catch {
      return {};
    }
  }

  #fill(chosen) {
    const names = Object.keys(this.#all());
    this.choice.replaceChildren(make("option", { value: "", textContent: tr("presets") }), ...names.map((name) => make("option", { value: name, textContent: name })));
    this.choice.value = chosen;
    this.choice.hidden = !names.length || !this.name.hidden;
    this.removing.hidden = !chosen || !this.name.hidden;
    this.saving.textContent = tr(this.name.hidden ? "savePreset" : "enter");
  }

  #ask() {
    if (!this.name.hidden) return this.#save();
    this.name.hidden = false;
    this.name.value = this.choice.value;
    this.#fill(this.choice.value);
    this.name.focus();
  }

  #close() {
    this.name.hidden = true;
    this.#fill(this.choice.value);
    this.saving.focus();
  }

  #save() {
    const name = this.name.value.trim();
    if (!name) return this.#close();
    const texts = Object.fromEntries(Object.entries(this.on.texts()).filter(([field]) => !NOT_KEPT.includes(field)));
    store(KEY, JSON.stringify({ ...this.#all(), [name]: texts }));
    this.name.hidden = true;
    this.#fill(name);
    this.on.told(tr("presetSaved", name));
    this.saving.focus();
  }

  #apply() {
    const texts = this.#all()[this.choice.value];
    this.#fill(this.choice.value);
    if (!texts) return;
    const kept = Object.fromEntries(Object.entries(this.on.texts()).filter(([field]) => NOT_KEPT.includes(field)));
    this.on.apply({ ...texts, ...kept });
  }

  #remove() {
    const { [this.choice.value]: _, ...others } = this.#all();
    store(KEY, Object.keys(others).length ? JSON.stringify(others) : "");
    this.#fill("");
    this.saving.focus();
  }
}
