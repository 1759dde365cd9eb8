// Brings parameters back into the form: from a job, from a picture that is dropped or chosen, and from a link.

import { bytes } from "./api.js";
import { language, localized, tr } from "./i18n.js";
import { readParameters } from "./picture-file.js";
import { PREFIX } from "./share-link.js";

/** Callbacks in `on`: changed() after the form was filled, told(message), onError(error). */
export class Restore {
  constructor(form, on) {
    Object.assign(this, { form, on });
    const overlay = document.getElementById("drop");
    addEventListener("dragover", (event) => { event.preventDefault(); overlay.hidden = !hasFile(event); });
    addEventListener("dragleave", (event) => { if (!event.relatedTarget) overlay.hidden = true; });
    addEventListener("drop", (event) => {
      event.preventDefault();
      overlay.hidden = true;
      const file = event.dataTransfer.files[0];
      if (file) this.fromFile(file).catch(on.onError);
    });
  }

  /** Fill the form with the request of a job; its mask and its picture of a seal have no control, and are named. */
  async fromJob(job) {
    this.form.setRequest(job.request);
    await this.form.setInitImage(job.start ? await bytes(job.start) : null);
    const missing = [job.mask && tr("maskName"), job.seal && tr("sealName")].filter(Boolean);
    this.on.changed();
    this.on.told(missing.length ? tr("notTaken", missing.join(language() === "zh" ? "、" : ", ")).trim() : "");
  }

  /** Fill the form with the parameters of a picture file; a picture without parameters becomes the initial image. */
  async fromFile(file) {
    const found = await readParameters(file).catch(() => null);
    if (found) return this.#fill(found);
    await this.form.setInitImage(file);
    this.on.changed();
    this.on.told(tr("noParameters"));
  }

  /** Fill the form with the recipe of a link, and return true; false if the address has none. */
  async fromLink(hash) {
    if (!hash.startsWith(PREFIX)) return false;
    try {
      const bytes = Uint8Array.from(atob(hash.slice(PREFIX.length).replaceAll("-", "+").replaceAll("_", "/")), (one) => one.codePointAt(0));
      const { start, ...request } = JSON.parse(new TextDecoder().decode(bytes));
      if (!Array.isArray(request.prompts)) throw new Error("no sentences");
      await this.#fill({ request, omitted: start ? ["init_image"] : [] });
    } catch {
      this.on.told(tr("badLink"));
    }
    return true;
  }

  async #fill({ request: given, omitted, other = false }) {
    const { form } = this;
    const { init_image, model, ...request } = given;
    const isOffered = !model || model === "auto" || form.schema.models.some((one) => one.name === model);
    const isData = Boolean(init_image?.startsWith("data:"));
    await form.setInitImage(isData ? toBlob(init_image) : null);
    form.setRequest({ quality: "standard", ...request, model: model && isOffered ? model : "auto" });
    const missing = omitted.map((name) => this.#label(name));
    if (init_image && !isData && !omitted.includes("init_image")) missing.push(this.#label("init_image"));
    if (!isOffered) missing.push(`${tr("model")} ${model}`);
    for (const name of Object.keys(request)) if (!form.controls.has(name)) missing.push(name);
    this.on.changed();
    const done = tr(other ? "restoredOther" : "restored");
    this.on.told(missing.length ? done + tr("notTaken", missing.join(language() === "zh" ? "、" : ", ")) : done);
  }

  /** Return the name of a field in the reader's language; other texts stay. */
  #label(name) {
    const control = this.form.controls.get(name.split("-")[0])?.control;
    return control ? localized(control) : name;
  }
}

/** Return the content of a data URI; the policy of the page forbids fetch() for it. */
function toBlob(uri) {
  const [head, text] = uri.split(",");
  const bytes = Uint8Array.from(atob(text), (one) => one.codePointAt(0));
  return new Blob([bytes], { type: head.match(/^data:([^;]*)/)[1] });
}

const hasFile = (event) => [...event.dataTransfer?.types ?? []].includes("Files");
