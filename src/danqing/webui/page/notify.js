// A notification of the system when a picture is done and the page is not in front, if the reader has allowed it.

import { load, store } from "./storage.js";
import { tr } from "./i18n.js";

/** The button that turns notifications on and off; hidden where the browser has none (they need https or this machine). */
export class Notifier {
  /** @param pick called with the ID of a job whose notification is pressed */
  constructor(button, pick) {
    Object.assign(this, { button, pick });
    button.onclick = () => this.#toggle();
    this.refresh();
  }

  /** Show the state in the current language. */
  refresh() {
    this.button.hidden = !("Notification" in window) || Notification.permission === "denied";
    this.button.setAttribute("aria-pressed", String(this.#isOn()));
    this.button.textContent = tr("notify");
  }

  /** Report a job that has ended. */
  report(job) {
    if (!this.#isOn() || (!document.hidden && document.hasFocus())) return;
    const note = new Notification(tr("announce", tr(`state_${job.state}`)), { body: job.request.prompts.join(" / "), icon: "seal.svg", tag: job.id });
    note.onclick = () => { window.focus(); this.pick(job.id); note.close(); };
  }

  #isOn() {
    return "Notification" in window && Notification.permission === "granted" && load("danqing.notify") === "yes";
  }

  async #toggle() {
    const on = !this.#isOn() && await Notification.requestPermission() === "granted";
    store("danqing.notify", on ? "yes" : "");
    this.refresh();
  }
}
