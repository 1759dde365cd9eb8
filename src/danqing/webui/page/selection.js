// Selecting several jobs in the gallery: download, compare or delete them together.

import { call } from "./api.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";

/**
 * Connects the button that starts selecting and the bar with what can be done. Callbacks in `on`: remove(jobs),
 * compare(jobs), onError(error); compare may be missing.
 */
export class Selection {
  constructor(toggle, bar, gallery, on) {
    Object.assign(this, { toggle, bar, gallery, on });
    this.ids = null;  // null while nothing can be selected
    this.marked = false;
    this.count = bar.querySelector("[role=status]");
    this.buttons = Object.fromEntries([...bar.querySelectorAll("button")].map((button) => [button.dataset.text, button]));
    const { selectAll, downloadZip, compare, deleteSelected, done } = this.buttons;
    toggle.onclick = () => (this.ids ? this.stop() : this.start());
    done.onclick = () => this.stop();
    selectAll.onclick = () => { this.ids = new Set(gallery.shown().map((job) => job.id)); this.refresh(); };
    downloadZip.onclick = () => this.#download().catch(on.onError);
    compare.onclick = () => on.compare(this.#jobs());
    deleteSelected.onclick = () => { const jobs = this.#jobs(); this.stop(); on.remove(jobs); };
  }

  /** Begin to select. */
  start() {
    this.ids = new Set();
    this.refresh();
  }

  /** End selecting. */
  stop() {
    if (!this.ids) return;
    this.ids = null;
    this.refresh();
    this.toggle.focus();
  }

  /** Handle a press on a tile; with Shift, all tiles since the last one. Returns false while nothing can be selected. */
  press(job, event) {
    if (!this.ids) return false;
    const shown = this.gallery.shown().map((one) => one.id);
    const [from, to] = [shown.indexOf(event.shiftKey ? this.last ?? job.id : job.id), shown.indexOf(job.id)].sort((a, b) => a - b);
    const add = event.shiftKey || !this.ids.has(job.id);
    for (const id of shown.slice(Math.max(from, 0), to + 1)) this.ids[add ? "add" : "delete"](id);
    this.last = job.id;
    this.refresh();
    return true;
  }

  /** Show what is selected; also after the gallery has changed. */
  refresh() {
    const { ids } = this;
    this.toggle.setAttribute("aria-pressed", String(Boolean(ids)));
    this.bar.hidden = !ids;
    if (ids || this.marked) this.gallery.mark(ids);
    this.marked = Boolean(ids);
    if (!ids) return;
    const jobs = this.#jobs();
    this.count.textContent = tr("selectedCount", jobs.length);
    this.buttons.deleteSelected.disabled = !jobs.length;
    this.buttons.downloadZip.disabled = !jobs.some((job) => job.pictures.length);
    this.buttons.compare.hidden = !this.on.compare;
    this.buttons.compare.disabled = jobs.filter((job) => job.pictures.length).length !== 2 || jobs.length !== 2;
  }

  #jobs() {
    return this.gallery.shown().filter((job) => this.ids.has(job.id));
  }

  async #download() {
    const ids = this.#jobs().filter((job) => job.pictures.length).map((job) => job.id);
    const file = await (await call("../v1/archives", { method: "POST", body: { ids } })).blob();
    const address = URL.createObjectURL(file);
    make("a", { href: address, download: `danqing-${new Date().toISOString().slice(0, 10)}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
