// Classic lines that fit some words, to paint and to inscribe.

import { json } from "./api.js";
import { openDialog } from "./dialog.js";
import { make } from "./form.js";
import { tr } from "./i18n.js";

const MOST = 30;

/** Show lines that fit the words; `onPick(line)` is called with the chosen one. */
export async function openPoems(words, onPick) {
  const list = make("ul", { className: "poems" });
  const input = make("input", { type: "search", value: words, autocomplete: "off" });
  input.setAttribute("aria-label", tr("poemWords"));
  input.placeholder = tr("poemWords");
  let newest = 0;
  const load = async () => {
    const number = ++newest;
    const found = await json(`../v1/poems?limit=${MOST}&about=${encodeURIComponent(input.value.slice(0, 200))}`);
    if (number !== newest) return;
    list.replaceChildren(...found.data.map((verse) => make("li", {}, verseButton(verse))));
    if (!found.data.length) list.append(make("li", { textContent: tr("noPoems") }));
  };
  const verseButton = ({ line, author, title }) => {
    const pick = () => { dialog.close(); onPick(line); };
    return make("button", { type: "button", onclick: pick }, make("span", { textContent: line, lang: "zh" }), make("small", { textContent: `${author}《${title}》` }));
  };
  input.oninput = () => load().catch(() => {});
  const dialog = openDialog(tr("poem"), [input, list]);
  await load();
}
