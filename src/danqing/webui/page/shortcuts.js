// Keyboard shortcuts of the whole page, and the dialog that lists them.

import { make } from "./form.js";
import { tr } from "./i18n.js";

const KEYS = [["Ctrl + Enter", "keyPaint"], ["← →", "keyNeighbour"], ["/", "keySearch"], ["N", "keySentence"], ["F", "keyFavourite"], ["Esc", "keyEscape"], ["?", "keyHelp"]];

/** Callbacks in `on`: paint(), neighbour(-1 or 1), search(), sentence(), favourite(), escape(). */
export class Shortcuts {
  constructor(dialog, button, on) {
    Object.assign(this, { dialog, on });
    button.onclick = () => this.help();
    addEventListener("keydown", (event) => this.#press(event));
  }

  /** Show all shortcuts. */
  help() {
    const rows = KEYS.map(([key, word]) => make("tr", {}, make("th", { scope: "row" }, make("kbd", { textContent: key })), make("td", { textContent: tr(word) })));
    const close = make("button", { type: "button", textContent: tr("close"), onclick: () => this.dialog.close() });
    this.dialog.setAttribute("aria-label", tr("shortcuts"));
    this.dialog.replaceChildren(make("h2", { textContent: tr("shortcuts") }), make("table", {}, make("tbody", {}, ...rows)), make("p", { className: "row" }, close));
    this.dialog.showModal();
  }

  #press(event) {
    const { on } = this;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented && !document.querySelector("dialog[open]")) return run(event, on.paint);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return on.escape();
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], [role=slider], canvas")) return;
    const actions = { ArrowLeft: () => on.neighbour(-1), ArrowRight: () => on.neighbour(1), "/": on.search, n: on.sentence, f: on.favourite, "?": () => this.help() };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) run(event, act);
  }
}

function run(event, act) {
  event.preventDefault();
  act();
}
