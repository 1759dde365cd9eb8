// Cards of styles and artists, each with a small picture of its effect.

import { make } from "./form.js";
import { localized } from "./i18n.js";

/** Cards that write a name into a text input; a second press removes it. Only names that the chosen model knows are offered. */
export class StyleCards {
  /** `cards`: {zh, en, picture}; `onPick` is called after the text has changed. */
  constructor(cards, input, onPick) {
    this.cards = cards;
    this.input = input;
    this.onPick = onPick;
    this.element = make("span", { className: "cards", role: "group", "aria-labelledby": `label-${input.name}` });
  }

  /** Show the cards of these known names and mark the one that is written. */
  refresh(known) {
    const names = this.cards.map((card) => [card.zh, card.en].find((name) => known.includes(name)) ?? "");
    if (names.join() !== this.names) {
      this.names = names.join();
      this.element.replaceChildren(...this.cards.flatMap((card, index) => (names[index] ? [this.#button(card, names[index])] : [])));
    }
    for (const button of this.element.children) button.setAttribute("aria-pressed", String(button.value === this.input.value.trim()));
  }

  #button(card, value) {
    const image = make("img", { src: card.picture, alt: "", width: 72, height: 72, loading: "lazy" });
    const pick = () => {
      this.input.value = this.input.value.trim() === value ? "" : value;
      this.onPick();
    };
    return make("button", { type: "button", value, onclick: pick }, image, make("span", { textContent: localized(card) }));
  }
}
