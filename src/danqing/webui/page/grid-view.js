// The table of a grid: a small picture for every combination of two settings. The chosen one is shown below with its tools.

import { loadImage, releaseImage } from "./api.js";
import { make } from "./form.js";
import { language, localized, tr } from "./i18n.js";

const WORDS = { guidance_scale: "grid_guidance_scale", strength: "grid_strength" };  // for artists; others have the name of the field
const SIDE = 256;  // pixels of a small picture

/** A table for one job; `choose(number)` is called when a picture is pressed. */
export class GridView {
  constructor(job, choose) {
    this.choose = choose;
    this.cells = new Map();
    this.element = make("div", { className: "grid-view" });
    this.build(job);
  }

  /** Create the table in the current language. */
  build(job) {
    const [columns, rows = { values: [""] }] = job.grid;
    const isTwo = job.grid.length > 1;
    this.release();
    this.cells.clear();
    const caption = make("caption", { textContent: `${nameOf(columns)} →${isTwo ? `  ${nameOf(rows)} ↓` : ""}` });
    const head = make("tr", {}, ...(isTwo ? [make("td")] : []), ...columns.values.map((value) => make("th", { scope: "col", textContent: value })));
    const body = rows.values.map((value, row) =>
      make("tr", {}, ...(isTwo ? [make("th", { scope: "row", textContent: value })] : []),
        ...columns.values.map((_, column) => this.#cell(row * columns.values.length + column, [columns.values[column], value]))));
    this.element.replaceChildren(make("table", {}, caption, make("thead", {}, head), make("tbody", {}, ...body)));
    this.update(job);
  }

  /** Show the pictures that are finished, and mark the one that is being painted. */
  update(job) {
    const done = new Map(job.pictures.map((picture) => [picture.number, picture]));
    for (const [number, cell] of this.cells) {
      cell.button.disabled = !done.has(number) && number !== job.picture;
      cell.button.classList.toggle("painting", job.state === "painting" && number === job.picture);
      if (done.has(number) === cell.shown) continue;
      cell.shown = done.has(number);
      if (cell.shown) loadImage(cell.image, `../v1/jobs/${job.id}/thumbnail.webp?side=${SIDE}&picture=${number}`).catch(() => {});
      cell.image.hidden = !cell.shown;
    }
  }

  /** Mark the picture that is shown below. */
  mark(chosen) {
    for (const [number, { button }] of this.cells) button.setAttribute("aria-pressed", String(number === chosen));
  }

  /** Return the values of a picture as one text. */
  valuesOf(number) {
    return this.cells.get(number).image.alt;
  }

  /** Hide a picture that is about to be deleted, or show it again. */
  hide(number, hidden) {
    this.cells.get(number).image.hidden = hidden;
  }

  /** Free the pictures. */
  release() {
    for (const { image } of this.cells.values()) releaseImage(image);
  }

  #cell(number, values) {
    const image = make("img", { alt: values.filter(Boolean).join(" · "), hidden: true });
    const button = make("button", { type: "button", onclick: () => this.choose(number) }, image);
    button.setAttribute("aria-label", `${tr("pictureOf", number + 1)}: ${image.alt}`);
    button.lang = language();
    this.cells.set(number, { button, image, shown: false });
    return make("td", {}, button);
  }
}

const nameOf = (axis) => (axis.field in WORDS ? tr(WORDS[axis.field]) : localized(axis));
