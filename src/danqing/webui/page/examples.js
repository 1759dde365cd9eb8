// Sentences for a start, above the form.

import { make } from "./form.js";
import { tr } from "./i18n.js";

const EXAMPLES = [
  { prompts: "孤舟蓑笠翁，独钓寒江雪", artist: "齐白石" },
  { prompts: "夕阳下的灯塔，油画" },
  { prompts: "竹林里的亭子，水墨画" },
  { prompts: "梵高风格的星夜村庄", size: "1536x512" },
  { prompts: "雪山下的湖，水彩" },
];

/** Show a button for each example, which calls `use(texts)`, and one that calls `findPoem()`. */
export function showExamples(element, { use, findPoem }) {
  const buttons = EXAMPLES.map((texts) => make("button", { type: "button", textContent: texts.prompts, onclick: () => use(texts) }));
  const poem = make("button", { type: "button", className: "poem", textContent: tr("poem"), onclick: findPoem });
  element.replaceChildren(...buttons, poem);
}
