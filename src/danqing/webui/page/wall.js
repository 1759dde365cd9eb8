// The first sight of the studio: finished pictures of the user, or the ones that come with the program.

import { loadImage, releaseImage } from "./api.js";
import { make } from "./form.js";
import { localized, tr } from "./i18n.js";

const MOST = 12;

/** Return a wall of the newest finished jobs; each picture opens its job by `pick(id)`. */
export function jobWall(jobs, pick) {
  const buttons = jobs.slice(0, MOST).map((job) => {
    const image = make("img", { alt: job.request.prompts.join(" ") });
    loadImage(image, job.pictures[0].url).catch(() => {});
    return make("button", { type: "button", title: image.alt, onclick: () => pick(job.id) }, image);
  });
  return make("div", { className: "wall" }, ...buttons);
}

/** Return a wall of the pictures that come with the program, each with a button that calls `paint(request)`. */
export function sampleWall(samples, cards, paint) {
  const figures = samples.map(({ picture, request }) => {
    const names = [request.style, request.artist].filter(Boolean).map((zh) => localized(cards.find((card) => card.zh === zh) ?? { zh, en: zh }));
    const caption = make("figcaption", {}, request.prompts, make("small", { textContent: names.join(" · ") }));
    const button = make("button", { type: "button", textContent: tr("paintThis"), onclick: () => paint(request) });
    button.setAttribute("aria-label", `${tr("paintThis")}: ${request.prompts}`);
    return make("figure", {}, make("img", { src: picture, alt: request.prompts }), caption, button);
  });
  return make("div", { className: "wall samples" }, ...figures);
}

/** Free the pictures of the walls in an element. */
export function releaseWall(element) {
  for (const image of element.querySelectorAll(".wall img")) releaseImage(image);
}
