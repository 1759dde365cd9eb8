// Checks the request while it is written, and shows what may not be painted as expected.

import { ApiError, json } from "./api.js";
import { make } from "./form.js";
import { duration, localized, tr } from "./i18n.js";

const PAUSE_MS = 500;  // without typing
const MEMORY_MS = 2000;  // until the memory is known
const ATTEMPTS = 3;
const NOTHING = { notices: [], seconds: null, memory: null };

/** Shows the messages, the expected time and the memory of `POST /v1/check` in an element; without `notices` no messages. */
export class Check {
  constructor(element, values, { notices = true } = {}) {
    this.element = element;
    this.values = values;
    this.hasNotices = notices;
    Object.assign(this, NOTHING);
    this.newest = 0;
  }

  /** Check again after a pause; only the answer to the newest request is shown. */
  schedule() {
    clearTimeout(this.timer);
    const number = ++this.newest;
    this.timer = setTimeout(async () => {
      const { init_image, ...values } = this.values();
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = values.prompts ? await this.#ask(values) : NOTHING;
        if (number !== this.newest) return;
        this.#show(found);
        if (found === NOTHING || found.memory !== null) return;
        await new Promise((go) => setTimeout(go, MEMORY_MS));  // the memory is estimated meanwhile
      }
    }, PAUSE_MS);
  }

  /** True if this message is shown already. */
  shows(notice) {
    return this.notices.some((other) => other.zh === notice.zh);
  }

  /** Render the messages again in the current language. */
  redraw() {
    this.#show(this);
  }

  async #ask(values) {
    try {
      return await json("../v1/check", { method: "POST", body: values });
    } catch (error) {
      if (error instanceof ApiError) return NOTHING;  // a wrong value is reported when the form is sent
      throw error;
    }
  }

  #show({ notices, seconds, memory }) {
    Object.assign(this, { notices, seconds, memory });
    const parts = this.hasNotices ? notices.map((notice) => make("p", { textContent: localized(notice) })) : [];
    const costs = [];
    if (seconds !== null) costs.push(tr("estimate", duration(seconds)));
    if (memory !== null) costs.push(tr("memoryEstimate", (memory / 2 ** 30).toFixed(1)));
    if (costs.length) parts.push(make("p", { className: "estimate", textContent: costs.join(" ") }));
    this.element.replaceChildren(...parts);
  }
}
