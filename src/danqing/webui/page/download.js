// Saves files of the service or of the page on the user's disk.

import { bytes } from "./api.js";
import { make } from "./form.js";

/** Return a file name made from the prompt without characters that file systems reject. */
export function fileName(job, number, kind) {
  const title = job.request.prompts[0].replace(/[\\/:*?"<>|\s]+/g, " ").trim().slice(0, 40);
  return `${title || "danqing"} ${job.id.slice(0, 4)}-${number}.${kind}`;
}

/** Save a file of the service. */
export const download = async (url, name) => saveBlob(await bytes(url), name);

/** Save a Blob. */
export function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
