// A link to the studio that carries the parameters of a job.

import { tr } from "./i18n.js";

export const PREFIX = "#recipe=";

/** Copy the link of the job in view when a button is pressed; without access to the clipboard show it in a field. */
export function shareLink(button, field, { job, told }) {
  button.onclick = async () => {
    const link = recipeLink(job());
    const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    field.hidden = Boolean(copied);
    field.value = link;
    if (!copied) field.select();
    told(tr(copied ? "linkCopied" : "linkShown") + (job().start ? tr("noInitInLink") : ""));
  };
}

/** Return a link to the studio that fills the form with the request of a job. */
function recipeLink(job) {
  const changed = Object.fromEntries(Object.entries(job.request).filter(([, value]) => value !== null));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...changed, ...(job.start && { start: true }) }));
  const text = btoa(String.fromCodePoint(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${location.href.split("#")[0]}${PREFIX}${text}`;
}
