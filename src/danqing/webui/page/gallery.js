// Gallery of all jobs and runs, newest first, by day. More are loaded when the end of the list comes into view.

import { json } from "./api.js";
import { isEnded } from "./job-view.js";
import { make } from "./form.js";
import { language, tr } from "./i18n.js";
import { Tile } from "./tile.js";

const PAGE = 60;  // jobs of a request
const MAX_IDS = 150;  // favourites of a request
const NO_QUERY = { search: "", model: "", style: "", shape: "", favourites: false };

/**
 * Shows jobs as tiles. Callbacks in `on`: pick(id), press(job, event) returns true if a press is handled otherwise,
 * isFavourite(job), favourites() returns their IDs, onError(error), drawn().
 */
export class Gallery {
  /**
   * @param list element of the tiles
   * @param end element after them; more jobs are loaded when it is near the screen
   */
  constructor(list, end, on) {
    Object.assign(this, { list, end, on });
    this.query = NO_QUERY;
    this.hidden = new Set();
    this.list.onkeydown = (event) => this.#moveFocus(event);
    this.#reset();
    new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.#loadMore(); }, { rootMargin: "800px" }).observe(end);
  }

  /** Update the newest jobs and all unfinished ones. */
  async load() {
    const { asked } = this;
    if (this.query.favourites || !this.jobs.length) return this.#restart();
    const page = await this.#fetch({});
    const old = this.jobs.filter((job) => !isEnded(job) && !page.data.some((other) => other.id === job.id)).slice(0, MAX_IDS);
    const changed = old.length ? (await this.#fetch({ id: old.map((job) => job.id), limit: MAX_IDS })).data : [];
    if (asked === this.asked) this.#merge(page, changed);
  }

  /** Show only the jobs that match: {search, model, style, shape, favourites}. */
  async filter(query) {
    this.query = { ...NO_QUERY, ...query };
    await this.#restart();
  }

  /** Return the finished jobs that have a picture. */
  finished() {
    return this.jobs.filter((job) => job.pictures.length && !this.hidden.has(job.id));
  }

  /** Return the jobs that are shown. */
  shown() {
    return this.jobs.filter((job) => !this.hidden.has(job.id));
  }

  /** Hide jobs that are about to be deleted, or show them again. */
  hide(ids, hidden) {
    for (const id of ids) {
      if (hidden) this.hidden.add(id);
      else this.hidden.delete(id);
    }
    this.#draw();
  }

  /** True if a job in the list has not ended. */
  hasUnfinished() {
    return !this.jobs.every(isEnded);
  }

  /** Return the ID of the job before (-1) or after (1) another one in the list; null at its ends. */
  neighbour(id, by) {
    const shown = this.shown();
    const index = shown.findIndex((job) => job.id === id);
    return index < 0 ? null : shown[index + by]?.id ?? null;
  }

  /** Mark the job in view. */
  select(id) {
    this.tiles.get(this.current)?.element.removeAttribute("aria-current");
    this.current = id;
    this.tiles.get(id)?.element.setAttribute("aria-current", "true");
  }

  /** Mark tiles as selected; null if nothing can be selected now. */
  mark(selected) {
    for (const [id, tile] of this.tiles) tile.mark(selected && selected.has(id));
  }

  /** Remove all jobs. */
  clear() {
    this.#reset();
    this.#draw();
  }

  /** Render all texts again in the current language. */
  redraw() {
    this.#draw();
  }

  #reset() {
    for (const tile of this.tiles?.values() ?? []) tile.release();
    this.list.replaceChildren();
    Object.assign(this, { jobs: [], tiles: new Map(), days: new Map(), more: false, loading: false, asked: {} });
  }

  async #restart() {
    const asked = {};
    this.asked = asked;
    const page = await this.#fetch({});
    if (asked !== this.asked) return;  // the filter was changed meanwhile
    const known = new Map(this.jobs.map((job) => [job.id, job]));
    this.jobs = page.data;
    this.more = page.has_more;
    for (const id of known.keys()) if (!page.data.some((job) => job.id === id)) this.#remove(id);
    this.#draw();
    this.#fillScreen();
  }

  async #loadMore() {
    if (!this.more || this.loading) return;
    const { asked } = this;
    this.loading = true;
    try {
      const page = await this.#fetch({ before: this.jobs.at(-1).id, from: this.jobs.length });
      if (asked !== this.asked) return;
      const known = new Set(this.jobs.map((job) => job.id));
      const added = page.data.filter((job) => !known.has(job.id));
      this.jobs.push(...added);
      this.more = page.has_more;
      this.#draw(added);
    } catch (error) {
      this.more = false;
      this.on.onError(error);
    } finally {
      this.loading = false;
      this.#fillScreen();
    }
  }

  /** Load more while the end of the list is in view. */
  #fillScreen() {
    if (this.more && !this.end.hidden && this.end.getBoundingClientRect().top < innerHeight) this.#loadMore();
  }

  /** Request a page of the list; favourites are requested by their IDs, the newest first. */
  async #fetch({ before, from = 0, id, limit = PAGE }) {
    const { favourites, ...texts } = this.query;
    const parameters = new URLSearchParams(Object.entries({ runs: "true", limit, ...texts }).filter(([, value]) => value));
    if (favourites && !id) {
      const ids = this.on.favourites();
      if (!ids.length) return { data: [], has_more: false };
      for (const one of ids.slice(from, from + MAX_IDS)) parameters.append("id", one);
      parameters.set("limit", MAX_IDS);
      return { ...await json(`../v1/jobs?${parameters}`), has_more: from + MAX_IDS < ids.length };
    }
    for (const one of id ?? []) parameters.append("id", one);
    if (before) parameters.set("before", before);
    return json(`../v1/jobs?${parameters}`);
  }

  /** Take in the newest page and other changed jobs; what is missing in the range of the page was deleted. */
  #merge(page, changed) {
    const last = page.data.at(-1)?.created ?? Infinity;
    const newest = new Set(page.data.map((job) => job.id));
    const gone = this.jobs.filter((job) => !newest.has(job.id) && (!page.has_more || job.created >= last));
    for (const job of gone) this.#remove(job.id);
    const others = new Map(changed.map((job) => [job.id, job]));
    const rest = this.jobs.filter((job) => !newest.has(job.id) && !gone.includes(job)).map((job) => others.get(job.id) ?? job);
    if (!rest.length) this.more = page.has_more;
    this.jobs = [...page.data, ...rest];
    this.#draw();
  }

  #remove(id) {
    const tile = this.tiles.get(id);
    tile?.release();
    tile?.element.remove();
    this.tiles.delete(id);
  }

  /** Create missing tiles, update the others, and put all in order by day; elements in their place are not touched. */
  #draw(added = null) {
    const groups = new Map();
    for (const job of added ?? this.jobs) {
      if (this.hidden.has(job.id)) this.#remove(job.id);
      else {
        const key = new Date(job.created * 1000).toDateString();
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(this.#tile(job));
      }
    }
    const days = [...groups].map(([key, tiles]) => {
      const day = this.#day(key);
      if (added) day.lastChild.append(...tiles);
      else arrange(day.lastChild, tiles);
      return day;
    });
    if (added) this.list.append(...days.filter((day) => !day.parentElement));
    else {
      if (!days.length && Object.values(this.query).some(Boolean)) days.push(make("p", { textContent: tr("nothing") }));
      arrange(this.list, days);
      this.days = new Map([...this.days].filter(([key]) => groups.has(key)));
    }
    this.end.hidden = !this.more;
    this.on.drawn();
  }

  /** Return the element of a day, a heading and a grid; a day that is not in view costs no layout. */
  #day(key) {
    const day = this.days.get(key) ?? make("div", { className: "day" }, make("h3"), make("div"));
    this.days.set(key, day);
    day.firstChild.textContent = new Date(key).toLocaleDateString(language() === "zh" ? "zh-CN" : "en", { dateStyle: "full" });
    return day;
  }

  #tile(job) {
    const tile = this.tiles.get(job.id) ?? new Tile(job, (one, event) => { if (!this.on.press(one, event)) this.on.pick(one.id); });
    this.tiles.set(job.id, tile);
    tile.update(job, this.on.isFavourite(job));
    if (job.id === this.current) tile.element.setAttribute("aria-current", "true");
    return tile.element;
  }

  /** Move the focus between tiles with the arrow keys. */
  #moveFocus(event) {
    const tiles = [...this.list.querySelectorAll("button")];
    const index = tiles.indexOf(event.target);
    if (index < 0 || !/^(Arrow|Home|End)/.test(event.key)) return;
    const columns = tiles.filter((tile) => tile.offsetTop === tiles[index].offsetTop).length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -index, End: tiles.length - 1 - index }[event.key];
    tiles[Math.min(Math.max(index + by, 0), tiles.length - 1)].focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Make elements the children of a parent, in this order; those in their place are not touched. */
function arrange(parent, elements) {
  let place = parent.firstChild;
  for (const element of elements) {
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}
