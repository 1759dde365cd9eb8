// One job in the gallery: a thumbnail, the prompt, and the state as long as it is not finished.

import { make } from "./form.js";
import { language, tr } from "./i18n.js";
import { hasThumbnail, releaseThumbnail, showThumbnail } from "./thumbnail.js";

const TIMES = { zh: new Intl.DateTimeFormat("zh-CN", { timeStyle: "short" }), en: new Intl.DateTimeFormat("en", { timeStyle: "short" }) };

/** A tile; `update` shows another state of the same job without replacing its elements, so that focus is kept. */
export class Tile {
  /** @param open called with the job and the event when the tile is pressed */
  constructor(job, open) {
    this.image = make("img", { alt: "", loading: "lazy", decoding: "async", width: 160, height: 160, onerror: () => { this.image.hidden = true; } });
    this.title = make("span", { className: "title" });
    this.state = make("span", { className: "state" });
    this.frame = make("span", { className: "frame" }, this.image);
    this.element = make("button", { type: "button", onclick: (event) => open(this.job, event) }, this.frame, this.title, this.state);
    this.element.dataset.id = job.id;
    this.version = "";
    this.update(job, false);
  }

  /** Show a job. */
  update(job, isFavourite) {
    const version = [language(), job.state, job.cancelling, job.pictures.length, job.picture, job.step, isFavourite].join(" ");
    this.job = job;
    if (version === this.version) return;
    this.version = version;
    const text = job.request.prompts.join(" / ");
    this.title.textContent = text;
    this.element.title = text;
    this.state.textContent = [isFavourite ? "★" : "", stateText(job)].filter(Boolean).join(" ");
    this.frame.dataset.state = job.state;
    this.image.hidden = !hasThumbnail(job);
    if (hasThumbnail(job)) showThumbnail(this.image, job);
  }

  /** Mark the tile as selected or not. */
  mark(selected) {
    this.element.classList.toggle("marked", selected);
    if (selected === null) this.element.removeAttribute("aria-pressed");
    else this.element.setAttribute("aria-pressed", String(selected));
  }

  /** Free the thumbnail before the tile is removed. */
  release() {
    releaseThumbnail(this.image);
  }
}

/** Return the time and the number of pictures of a finished job, or the state of another one. */
function stateText(job) {
  if (job.state === "painting") return `${tr("state_painting")} ${Math.floor(job.progress * 100)} %`;
  if (job.state !== "finished") return tr(`state_${job.state}`);
  const time = TIMES[language()].format(job.created * 1000);
  return job.pictures.length > 1 ? `${time} · ${tr("pictureCount", job.pictures.length)}` : time;
}
