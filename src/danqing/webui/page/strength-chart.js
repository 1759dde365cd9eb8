// The share of each of several prompts in the guidance of every step.

import { make } from "./form.js";
import { tr } from "./i18n.js";
import { draw } from "./svg.js";

const WIDTH = 300, HEIGHT = 70, PAD = 6;  // units of the drawing

/**
 * Return {element, mark(index)} for the steps, the texts of the prompts and the frames of the film; null for a single prompt,
 * or if nothing was measured. Reference pictures follow the prompts.
 */
export function strengthChart(steps, prompts, frames) {
  const count = Math.max(0, ...steps.map((step) => step?.strengths?.length ?? 0));
  if (count < 2) return null;
  const names = Array.from({ length: count }, (_, number) => prompts[number] ?? tr("reference", number - prompts.length + 1));
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": tr("strengthLegend") });
  const wide = (WIDTH - 2 * PAD) / steps.length;
  Array.from(steps).forEach((step, index) => {
    let top = PAD;
    shares(step).forEach((share, number) => {
      const height = Math.abs(share) * (HEIGHT - 2 * PAD);
      const kind = share < 0 ? "share away" : "share";
      svg.append(draw("rect", { x: PAD + index * wide, y: top, width: wide, height, class: `${kind} prompt-${number % 6}` }));
      top += height;
    });
  });
  const marker = draw("line", { y1: 0, y2: HEIGHT, class: "marker" });
  svg.append(marker);
  const values = names.map(() => make("b"));
  const items = names.map((name, number) => make("li", {}, make("i", { className: `prompt-${number % 6}` }), make("span", { textContent: name, title: name }), values[number]));
  const element = make("figure", { className: "losses strengths" }, svg, make("figcaption", { textContent: tr("strengthLegend") }), make("ul", {}, ...items));
  const mark = (index) => {
    const step = frames[index].step ?? steps.length - 1, at = PAD + (step + 0.5) * wide;
    marker.setAttribute("x1", at);
    marker.setAttribute("x2", at);
    const now = shares(steps[step]);
    values.forEach((value, number) => { value.textContent = now.length ? shareText(now[number]) : "–"; });
  };
  return { element, mark };
}

/** Return the share of each prompt in the guidance of a step, negative if it leads away; empty if nothing was measured. */
function shares(step) {
  const strengths = step?.strengths ?? [];
  const total = strengths.reduce((sum, strength) => sum + Math.abs(strength), 0);
  return total ? strengths.map((strength) => strength / total) : [];
}

function shareText(share) {
  const percent = Math.round(Math.abs(share) * 100);
  return share < 0 ? tr("strengthAway", percent) : tr("strengthShare", percent);
}
