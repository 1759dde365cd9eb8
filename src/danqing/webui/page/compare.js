// Two pictures on top of each other with a slider between them.

import { loadImage, releaseImage } from "./api.js";
import { openDialog } from "./dialog.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";

/** Open a comparison of two pictures of the service: {url, text}. The second one is fitted into the first. */
export async function openComparison(left, right) {
  const images = [left, right].map(({ text }) => make("img", { alt: text, draggable: false }));
  await Promise.all([left, right].map(({ url }, index) => loadImage(images[index], url)));
  const line = make("span", { className: "line" });
  const stage = make("div", { className: "compare" }, ...images, line);
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50, step: 0.5 });
  slider.setAttribute("aria-label", tr("compareSlider"));
  const update = () => {
    images[1].style.clipPath = `inset(0 0 0 ${slider.value}%)`;
    line.style.left = `${slider.value}%`;
  };
  const follow = (event) => {
    if (event.buttons === 0 && event.type === "pointermove") return;
    const box = stage.getBoundingClientRect();
    slider.value = ((event.clientX - box.left) / box.width) * 100;
    update();
  };
  stage.onpointerdown = (event) => {
    stage.setPointerCapture(event.pointerId);
    follow(event);
  };
  stage.onpointermove = follow;
  slider.oninput = update;
  const captions = make("p", { className: "captions" }, make("span", { textContent: left.text }), make("span", { textContent: right.text }));
  openDialog(tr("compare"), [make("div", { className: "stage" }, stage), slider, captions], { className: "wide", onClose: () => images.forEach(releaseImage) });
  update();
  slider.focus();
}
