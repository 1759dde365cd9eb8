// Curves of the distance between a picture and its prompts over the steps.

import { make } from "./form.js";
import { tr } from "./i18n.js";
import { draw } from "./svg.js";

const WIDTH = 300, HEIGHT = 110, PAD = 6;  // units of the drawing

/**
 * Return {element, mark(index)} for the steps and the frames of the film; null if no step had CLIP guidance. Of several
 * prompts each has a curve, otherwise the curve is that of the loss.
 */
export function lossCurve(steps, frames) {
  const count = Math.max(0, ...steps.map((step) => step?.distances?.length ?? 0));
  const series = count > 1
    ? Array.from({ length: count }, (_, number) => steps.map((step) => step?.distances?.[number]))
    : [steps.map((step) => step?.loss)];
  const values = series.flat().filter((value) => typeof value === "number");
  if (values.length < 2 * series.length) return null;
  const low = Math.min(...values), high = Math.max(...values), last = Math.max(1, steps.length - 1);
  const x = (step) => PAD + (step / last) * (WIDTH - 2 * PAD);
  const y = (value) => HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);
  const legend = tr(count > 1 ? "curvesLegend" : "curveLegend");
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": legend });
  series.forEach((one, number) => svg.append(draw("path", { d: path(one, x, y), class: count > 1 ? `curve prompt-${number % 6}` : "curve" })));
  const marker = draw("line", { y1: 0, y2: HEIGHT, class: "marker" });
  svg.append(marker);
  const ends = make("p", { className: "captions" }, make("span", { textContent: tr("curveStart") }), make("span", { textContent: tr("curveEnd") }));
  const element = make("figure", { className: "losses" }, svg, ends, make("figcaption", { textContent: legend }));
  const mark = (index) => {
    const at = x(frames[index].step ?? last);
    marker.setAttribute("x1", at);
    marker.setAttribute("x2", at);
  };
  return { element, mark };
}

/** Return the path of one curve, with gaps where there is no value. */
function path(values, x, y) {
  let text = "", isDrawing = false;
  Array.from(values).forEach((value, step) => {
    if (typeof value === "number") text += `${isDrawing ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    isDrawing = typeof value === "number";
  });
  return text;
}
