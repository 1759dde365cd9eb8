// Shows one picture of a job large: at its own size or a whole multiple of it, so that the browser does not blur it.

import { make } from "./form.js";
import { tr } from "./i18n.js";

const MAX_TIMES = 4;

/** A dialog that shows the pictures of a list; the arrow keys and buttons go through it. */
export class Zoom {
  constructor(dialog) {
    this.dialog = dialog;
    this.image = make("img", { alt: "", onload: () => this.#fit(), onclick: () => dialog.close() });
    this.caption = make("figcaption");
    this.buttons = ["‹", "›"].map((textContent, index) => make("button", { type: "button", textContent, onclick: () => this.#move(index * 2 - 1) }));
    this.close = make("button", { type: "button", textContent: "×", onclick: () => dialog.close() });
    dialog.replaceChildren(make("p", { className: "row" }, ...this.buttons, this.close), make("figure", {}, this.image, this.caption));
    dialog.onkeydown = (event) => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.#move(event.key === "ArrowLeft" ? -1 : 1);
    };
    addEventListener("resize", () => this.#fit());
  }

  /** Open with one of the given pictures: {src, text}. */
  open(pictures, index) {
    Object.assign(this, { pictures, index });
    for (const [button, word] of [[this.buttons[0], "previous"], [this.buttons[1], "following"], [this.close, "close"]]) button.ariaLabel = tr(word);
    this.#show();
    this.dialog.showModal();
  }

  #move(by) {
    this.index = (this.index + by + this.pictures.length) % this.pictures.length;
    this.#show();
  }

  #show() {
    const { src, text } = this.pictures[this.index];
    this.image.src = src;
    this.image.alt = this.caption.textContent = text;
    for (const button of this.buttons) button.hidden = this.pictures.length < 2;
  }

  #fit() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const room = Math.min((innerWidth - 40) / width, (innerHeight - 140) / height);
    this.image.width = width * (room >= 1 ? Math.min(MAX_TIMES, Math.floor(room)) : room);
    this.image.classList.toggle("enlarged", room >= 2);
  }
}
