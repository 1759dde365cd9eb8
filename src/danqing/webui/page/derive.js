// Requests that start from a finished picture of a job.

import { newSeed } from "./form.js";

/** How much a subtle and a strong variation change: the fraction of the steps that is taken. */
export const SUBTLE = 0.35;
export const STRONG = 0.65;
const FINISH = ["inscription", "signature", "inscription_place", "writing", "font", "seal", "seal_style", "seal_shape", "seal_order", "mount"];
/** Fields of the job that do not fit another start or another canvas. */
const LEFT_OUT = [
  "size", "upscale", "upscaler", "format", "seed", "n_batches", "batch_size", "batch_name", "init_image", "init_fit", "init_scale",
  "skip_steps", "strength", "mask", "mask_invert", "extend", "feather", "branch", "perlin_init", "perlin_mode", "like", "symmetry", "symmetry_at",
];

const isFinishedWork = ({ request, seal }) => Boolean(request.inscription || request.signature || request.seal || seal || request.mount);

/** Return the address of a picture as it was painted, before it was enlarged, inscribed, sealed and mounted. */
export function paintedUrl(job, picture) {
  if (job.request.upscale > 1) return picture.url.replace(/\.png$/, "-unscaled.png");
  return isFinishedWork(job) ? picture.url.replace(/\.png$/, "-unfinished.png") : picture.url;
}

/** Return the address of the picture to edit: with the detail of the enlarged one, but without inscription, seal and mount. */
export const editableUrl = (job, picture) => (isFinishedWork(job) ? paintedUrl(job, picture) : picture.url);

/** Return a job as if one of its pictures had been painted alone: of a grid, with the settings of its cell. */
export function jobOf(job, picture) {
  if (!job.grid.length) return job;
  return { ...job, grid: [], request: { ...withoutFields(job.request, ["grid"]), n_batches: 1, ...picture.changes } };
}

function withoutFields(request, names) {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !names.includes(name)));
}

/** Return a request that changes a picture: it starts from the painted picture and keeps prompts, style and enlargement. */
export function change(job, picture, changes) {
  const init_image = paintedUrl(job, picture);
  const seal = job.seal ? { seal: job.seal } : {};
  return { ...withoutFields(job.request, LEFT_OUT), ...seal, upscale: job.request.upscale, init_image, seed: newSeed(), ...changes };
}

/** Return a request that enlarges a picture and paints nothing; what is written on it is written anew where it can be. */
export function enlarge(job, picture, factor) {
  const total = job.request.upscale * factor;
  if (total <= 4) return change(job, picture, { strength: 0, upscale: total, seed: picture.seed });
  return { ...withoutFields(job.request, [...LEFT_OUT, ...FINISH]), init_image: picture.url, strength: 0, upscale: factor, seed: picture.seed };
}

/** Return a request that adds an inscription, a seal and a mount to a picture and paints nothing. */
export function finish(job, picture, fields) {
  const request = change(job, picture, { strength: 0, seed: picture.seed });
  return { ...withoutFields(request, FINISH), ...fields };
}

/** Return the request that paints one picture of a job alone. */
export function recipeFields(job, picture) {
  return { ...withoutFields(job.request, ["n_batches", "batch_size"]), model: job.model, seed: picture.seed };
}
