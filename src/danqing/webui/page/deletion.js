// Deletes what the reader has removed from the page, after some time in which this can be undone.

import { call } from "./api.js";
import { tr } from "./i18n.js";

const UNDO_MS = 8000;  // a page that is closed before deletes nothing

/** Shows a box with the button that undoes the deletion. */
export class Deletion {
  constructor(box, onError) {
    [this.text, this.button] = box.children;
    Object.assign(this, { box, onError, pending: null });
    this.button.onclick = () => this.#undo();
  }

  /**
   * Delete addresses of the service later; an earlier deletion is carried out at once.
   *
   * @param paths addresses
   * @param restore shows again what was hidden; called if the deletion is undone or fails
   * @param undone called after that if it is undone
   */
  start(paths, restore, undone = () => {}) {
    this.#finish();
    this.pending = { paths, restore, undone, timer: setTimeout(() => this.#finish(), UNDO_MS) };
    this.text.textContent = paths.length > 1 ? tr("deletedCount", paths.length) : tr("deleted");
    this.box.hidden = false;
  }

  #undo() {
    const { restore, undone, timer } = this.pending;
    clearTimeout(timer);
    this.pending = null;
    this.box.hidden = true;
    restore();
    undone();
  }

  async #finish() {
    const { pending } = this;
    if (!pending) return;
    clearTimeout(pending.timer);
    this.pending = null;
    this.box.hidden = true;
    const failures = [];
    for (const path of pending.paths) await call(path, { method: "DELETE" }).catch((error) => failures.push(error));
    if (!failures.length) return;
    pending.restore();
    this.onError(failures[0]);
  }
}
