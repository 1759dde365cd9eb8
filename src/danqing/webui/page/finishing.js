// Inscription, seal and mount for a finished picture.

import { loadImage, releaseImage } from "./api.js";
import { editableUrl, finish } from "./derive.js";
import { labelled, openDialog } from "./dialog.js";
import { make, toDataUri } from "./form.js";
import { tr } from "./i18n.js";
import { openPoems } from "./poems.js";

const MOUNTS = [["", "noMount"], ["立轴", "hangingScroll"], ["横披", "horizontalScroll"], ["斗方", "squareFrame"], ["册页", "albumLeaf"], ["扇面", "fan"], ["长卷", "handscroll"]];
const PLACES = [["auto", "placeAuto"], ["右上", "placeRightTop"], ["左上", "placeLeftTop"], ["右下", "placeRightBottom"], ["左下", "placeLeftBottom"]];
const STYLES = [["朱文", "sealRed"], ["白文", "sealWhite"]];

/** Open the dialog; `on.submit(request)` is called with the request of the finished work. */
export function openFinishing(job, picture, on) {
  const { request } = job;
  const inscription = make("textarea", { name: "work-inscription", rows: 3, maxLength: 1000, value: request.inscription ?? request.prompts[0], lang: "zh" });
  const signature = make("input", { type: "text", name: "work-signature", maxLength: 200, value: request.signature ?? "年款", lang: "zh" });
  const seal = make("input", { type: "text", name: "work-seal", maxLength: 4, value: request.seal ?? (job.seal ? "" : "丹青"), lang: "zh" });
  const sealPicture = make("input", { type: "file", name: "work-seal-picture", accept: "image/png,image/jpeg,image/webp" });
  const mount = select("work-mount", MOUNTS, request.mount ?? "");
  const place = select("work-place", PLACES, request.inscription_place);
  const style = select("work-seal-style", STYLES, request.seal_style);
  const poem = make("button", { type: "button", textContent: tr("poem"), onclick: () => openPoems(inscription.value, (line) => { inscription.value = line; }).catch(fail) });
  const problem = make("p", { className: "problem", role: "alert" });
  const fail = (error) => { problem.textContent = error.message; };
  const image = make("img", { alt: request.prompts.join(" ") });
  loadImage(image, editableUrl(job, picture)).catch(fail);
  const form = make("form", { method: "dialog" },
    labelled("inscription", inscription), poem, labelled("signature", signature, make("small", { textContent: tr("signatureHint") })),
    labelled("inscriptionPlace", place), labelled("sealText", seal), labelled("sealPicture", sealPicture), labelled("sealStyle", style), labelled("mount", mount), problem,
    make("p", { className: "row" }, make("button", { className: "primary", textContent: tr("finishWork") })));
  form.onsubmit = async (event) => {
    event.preventDefault();
    const fields = { inscription: inscription.value.trim() || null, signature: signature.value.trim() || null, seal: seal.value.trim() || job.seal || null, mount: mount.value || null };
    const [file] = sealPicture.files;
    if (file) fields.seal = await toDataUri(file);
    if (!fields.inscription) fields.signature = null;
    if (!Object.values(fields).some(Boolean)) return fail(new Error(tr("nothingToAdd")));
    const more = { inscription_place: place.value, seal_style: style.value };
    try {
      await on.submit(finish(job, picture, { ...fields, ...more }));
      dialog.close();
    } catch (error) {
      fail(error);
    }
  };
  const dialog = openDialog(tr("finishWork"), [make("div", { className: "beside" }, make("figure", {}, image), form)], { onClose: () => releaseImage(image) });
}

function select(name, options, value) {
  const found = make("select", { name }, ...options.map(([key, word]) => make("option", { value: key, textContent: tr(word) })));
  found.value = value;
  return found;
}
