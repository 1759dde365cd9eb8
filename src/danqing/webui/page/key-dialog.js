// Asks for an API key if the service requires one.

import { hasKey, useKey } from "./api.js";

/** Prepare the dialog and the button that opens it; returns the function that opens it. `entered` is called with a new key in use. */
export function keyDialog(dialog, button, entered) {
  const [input, wrong] = [dialog.querySelector("input"), dialog.querySelector("[role=alert]")];
  const open = () => {
    button.hidden = false;
    if (dialog.open) return;
    wrong.hidden = !hasKey();
    input.value = "";
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "save") return;
      useKey(input.value.trim());
      entered();
    };
    dialog.showModal();
  };
  button.hidden = !hasKey();
  button.onclick = open;
  return open;
}
