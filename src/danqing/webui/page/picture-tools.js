// The buttons of one finished picture: change, repaint, enlarge, finish, watch, compare, save and delete it.

import { bytes } from "./api.js";
import { STRONG, SUBTLE, change, editableUrl, enlarge, recipeFields } from "./derive.js";
import { download, fileName, saveBlob } from "./download.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";
import { isEnded } from "./job-view.js";

/**
 * Callbacks in `on`: submit(request), another(job), useAsInit(blob), removePicture(job, picture), notice(text), onError(error).
 * The larger tools are loaded when they are first used.
 */
export class PictureTools {
  constructor(on) {
    this.on = on;
    this.compared = null;  // {url, text} of the first picture of a comparison
    document.addEventListener("click", ({ target }) => closeMenus((menu) => !menu.contains(target)));
    document.addEventListener("keydown", ({ key }) => { if (key === "Escape") closeMenus(() => true); });
  }

  /** Return the buttons of a finished picture; `view` has zoom() and caption(). */
  buttons(job, picture, view) {
    const ended = isEnded(job);
    const submit = (request) => () => this.on.submit(request());
    const vary = this.#menu("vary", [
      this.#button("varySubtle", submit(() => change(job, picture, { strength: SUBTLE }))),
      this.#button("varyStrong", submit(() => change(job, picture, { strength: STRONG }))),
      this.#button("otherSeed", () => this.on.another(job)),
      this.#button("useAsInit", async () => this.on.useAsInit(await bytes(editableUrl(job, picture)))),
    ]);
    const larger = this.#menu("larger", [2, 4].map((factor) =>
      this.#button("enlargeBy", submit(() => enlarge(job, picture, factor)), { textContent: tr("enlargeBy", factor) })));
    const buttons = [
      this.#button("enlarge", view.zoom), vary, larger,
      this.#button("repaintOrExtend", () => this.#edit(job, picture)),
      this.#button("finishWork", () => this.#finish(job, picture)),
      this.#button("film", () => this.#film(job, picture)),
      this.#button("compare", () => this.#compare({ url: picture.url, text: view.caption() })),
      this.#menu("saveAs", this.#files(job, picture)),
    ];
    const deletable = job.state === "finished" || job.pictures.length === 1 && ended;
    if (deletable) buttons.push(this.#button("deletePicture", () => this.on.removePicture(job, picture)));
    return buttons;
  }

  #files(job, { number, url, seed }) {
    const file = (kind, address) => this.#button("saveAs", () => download(address, fileName(job, number, kind)), { textContent: kind.toUpperCase() });
    const files = [file("png", url), file("jpeg", `${url}?format=jpeg`), file("webp", `${url}?format=webp`)];
    for (const address of job.animations) {
      const [, owner, kind] = address.match(/(\d+)\.(\w+)$/);
      if (Number(owner) !== number) continue;
      const textContent = tr("animation", kind.toUpperCase());
      files.push(this.#button("animation", () => download(address, fileName(job, number, kind)), { textContent }));
    }
    const text = () => new Blob([JSON.stringify(recipeFields(job, { seed }), null, 1)], { type: "application/json" });
    return [...files, this.#button("saveRecipe", () => saveBlob(text(), fileName(job, number, "json")))];
  }

  async #finish(job, picture) {
    const { openFinishing } = await import("./finishing.js");
    openFinishing(job, picture, this.on);
  }

  async #edit(job, picture) {
    const { openMaskEditor } = await import("./mask-editor.js");
    await openMaskEditor(job, picture, this.on);
  }

  async #film(job, picture) {
    const { openFilm } = await import("./film.js");
    await openFilm(job, picture, this.on);
  }

  async #compare(picture) {
    if (!this.compared) {
      this.compared = picture;
      return this.on.notice(tr("compareNext"));
    }
    const { openComparison } = await import("./compare.js");
    await openComparison(this.compared, picture);
    this.compared = null;
    this.on.notice("");
  }

  #button(word, act, fields = {}) {
    const run = () => Promise.resolve(act()).catch(this.on.onError);
    return make("button", { type: "button", textContent: tr(word), onclick: run, ...fields });
  }

  /** Return a menu; opening it closes the others. */
  #menu(word, buttons) {
    const menu = make("details", { className: "menu" }, make("summary", { textContent: tr(word) }), make("div", {}, ...buttons));
    menu.setAttribute("name", "picture-menu");
    menu.onclick = (event) => { if (event.target.closest("button")) menu.open = false; };
    return menu;
  }
}

function closeMenus(isMeant) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (isMeant(menu)) menu.open = false;
}
