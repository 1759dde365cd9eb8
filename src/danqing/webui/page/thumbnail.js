// Small pictures of jobs, loaded when they come into view.

import { hasKey, loadImage, releaseImage } from "./api.js";

const SIDE = 320;  // pixels: twice the width of a tile, for screens with a high resolution
const MARGIN = "300px";  // pictures this far below the screen are loaded already

const addresses = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    loadImage(target, addresses.get(target)).catch(() => target.onerror?.());
  }
}, { rootMargin: MARGIN });

/** Whether a job can have a picture to show. */
export const hasThumbnail = (job) => job.pictures.length > 0 || job.step > 0 || job.picture > 0;

/** Set the thumbnail of a job as the source of an <img loading="lazy">; `onerror` is called if there is none. */
export function showThumbnail(image, job) {
  const version = job.pictures.length ? "done" : `${job.picture}-${job.step}`;  // a new address after each preview
  const address = `../v1/jobs/${job.id}/thumbnail.webp?side=${SIDE}&at=${version}`;
  if (addresses.get(image) === address) return;
  addresses.set(image, address);
  if (!hasKey()) image.src = address;
  else observer.observe(image);  // an <img> cannot send the key
}

/** Free a thumbnail that is removed from the page. */
export function releaseThumbnail(image) {
  observer.unobserve(image);
  releaseImage(image);
}
