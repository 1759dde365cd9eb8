// A dialog over the whole studio, which is removed when it is closed.

import { make } from "./form.js";
import { tr } from "./i18n.js";

/** Open a dialog with a title and these contents; `onClose` is called when it is closed in any way. */
export function openDialog(title, contents, { className = "", onClose = () => {} } = {}) {
  const close = make("button", { type: "button", textContent: "×", onclick: () => dialog.close() });
  close.setAttribute("aria-label", tr("close"));
  const head = make("h2", { textContent: title });
  const dialog = make("dialog", { className: `tool ${className}` }, make("header", {}, head, close), ...contents);
  dialog.setAttribute("aria-label", title);
  dialog.onclose = () => {
    dialog.remove();
    onClose();
  };
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Return a labelled control. */
export const labelled = (word, input, ...more) => make("label", { className: "control" }, make("b", { textContent: tr(word) }), input, ...more);
