// The favourites of the user, as IDs of jobs. The service keeps them, so that they are the same in every browser.

import { call, json } from "./api.js";
import { load, store } from "./storage.js";

const OLD_KEY = "danqing.favourites";  // where earlier versions kept them in the browser

export class Favourites {
  constructor(onError) {
    this.onError = onError;
    this.all = [];  // the newest first
  }

  /** Read the favourites; those that an earlier version kept in this browser are given to the service. */
  async load() {
    const old = (load(OLD_KEY) ?? "").split(" ").filter(Boolean);
    for (const id of old) await call(`../v1/jobs/${id}/favourite`, { method: "PUT" }).catch(() => {});  // it may have been deleted
    store(OLD_KEY, "");
    this.all = (await json("../v1/favourites")).data;
  }

  /** True if a job is a favourite. */
  has(job) {
    return this.all.includes(job.id);
  }

  /** Make a job a favourite, or no longer. */
  async toggle(job) {
    const method = this.has(job) ? "DELETE" : "PUT";
    const others = this.all.filter((id) => id !== job.id);
    this.all = method === "PUT" ? [job.id, ...others] : others;
    await call(`../v1/jobs/${job.id}/favourite`, { method }).catch(this.onError);
  }

  /** Return all IDs, the newest favourite first. */
  ids() {
    return this.all;
  }
}
