// The search field and the filters of the gallery.

import { make } from "./form.js";
import { tr } from "./i18n.js";

const PAUSE_MS = 250;  // without typing
const SHAPES = ["square", "wide", "tall", "scroll"];

/** Callback in `on`: filter(query) with {search, model, style, shape, favourites}. */
export class Filters {
  constructor(section, on) {
    this.on = on;
    const find = (id) => section.querySelector(`#${id}`);
    this.inputs = { search: find("search"), shape: find("filter-shape"), model: find("filter-model"), style: find("filter-style"), favourites: find("favourites") };
    this.styles = find("filter-styles");
    const { search, style, shape, model, favourites } = this.inputs;
    search.oninput = style.oninput = () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.apply(), PAUSE_MS); };
    shape.onchange = model.onchange = favourites.onchange = () => this.apply();
  }

  /** Fill in the choices in the current language. */
  build(schema) {
    const { search, shape, model, style } = this.inputs;
    search.placeholder = tr("search");
    style.placeholder = tr("anyStyle");
    fill(shape, tr("anyShape"), SHAPES.map((name) => [name, tr(name)]));
    fill(model, tr("anyModel"), schema.models.map(({ name }) => [name, name]));
    model.hidden = schema.models.length < 2;
    const names = [...schema.style ?? [], ...schema.artist ?? []].map((card) => card.name ?? card.zh ?? "");
    this.styles.replaceChildren(...names.filter(Boolean).map((value) => make("option", { value })));
  }

  /** Filter the gallery as chosen. */
  apply() {
    const { search, shape, model, style, favourites } = this.inputs;
    this.on.filter({ search: search.value.trim(), shape: shape.value, model: model.value, style: style.value.trim(), favourites: favourites.checked });
  }
}

function fill(select, all, options) {
  const { value } = select;
  select.replaceChildren(...[["", all], ...options].map(([key, textContent]) => make("option", { value: key, textContent })));
  select.value = value;
}
