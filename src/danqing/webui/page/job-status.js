// The status of a job in words.

import { duration, localized, tr } from "./i18n.js";

/** Return the status of a job as a text. */
export function statusText(job) {
  switch (job.state) {
    case "queued":
      return job.position ? tr("queued", job.position) : tr("next");
    case "painting": {
      if (job.cancelling) return tr("stopping");
      if (!job.steps) return tr("starting");
      const left = job.seconds_left === null ? "" : tr("timeLeft", duration(job.seconds_left));
      return tr("painting", job.step, job.steps) + (job.picture ? tr("batch", job.picture + 1) : "") + left;
    }
    case "failed":
      return tr("failed", job.failure ? localized(job.failure) : "");
    case "finished":
      return tr("finished", duration(job.ended - job.started));
    default:
      return tr(job.state);
  }
}
