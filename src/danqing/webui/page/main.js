// Entry point of the studio: connects the form, the job view and the gallery, and asks for an API key if one is required.

import { ApiError, bytes, hasKey, json, useKey } from "./api.js";
import { JobView } from "./job-view.js";
import { Form, toDataUri, make, newSeed } from "./form.js";
import { Gallery } from "./gallery.js";
import { language, tr, switchLanguage, translate } from "./i18n.js";

const EXAMPLES = [
  { prompts: "孤舟蓑笠翁，独钓寒江雪", artist: "齐白石" },
  { prompts: "夕阳下的灯塔，油画" },
  { prompts: "竹林里的亭子，水墨画" },
  { prompts: "梵高风格的星夜村庄", size: "384x128" },
  { prompts: "雪山下的湖，水彩" },
];
const REFRESH_MS = 10_000;  // interval of gallery updates while it contains an unfinished job

const element = (id) => document.getElementById(id);
const form = new Form(element("front"), element("rest"));
const jobView = new JobView(element("job"), { repeat: repeatJob, reuse, useAsInit, changed, onError: showError });
const gallery = new Gallery(element("jobs"), element("older"), { pick, onError: showError });

// Actions on a job

/** Submit the request of a job again with a new seed. */
async function repeatJob(job) {
  const init = job.start ? { init_image: await toDataUri(await bytes(job.start)) } : {};
  await send({ ...job.request, ...init, seed: newSeed() });
}

/** Copy the request of a job into the form. */
async function reuse(job) {
  form.setRequest(job.request);
  await form.setInitImage(job.start ? await bytes(job.start) : null);
  element("request-form").scrollIntoView();
}

/** Use an image of a job as the init image. */
async function useAsInit(picture) {
  showNotice("");
  await form.setInitImage(picture);
}

function changed(job) {
  if (!job) location.hash = "";
  gallery.load().catch(showError);
}

function pick(id) {
  if (location.hash === `#${id}`) openFromHash();
  else location.hash = id;
}

// Messages and texts

function showNotice(text) {
  element("notice").textContent = text;
  element("notice").hidden = !text;
}

function showError(error) {
  if (error instanceof ApiError && error.status === 401) return askForKey();
  showNotice(error.message);
  if (error.field) form.markInvalid(error.field);
}

function renderTexts() {
  translate();
  element("language").textContent = tr("language");
  const buttons = EXAMPLES.map((example) => make("button", { type: "button", textContent: example.prompts, onclick: () => { form.setInitImage(null); form.setTexts(example); } }));
  element("examples").replaceChildren(...buttons);
  form.build();
  jobView.redraw();
  gallery.redraw();
}

// API key and navigation

/** Ask for an API key, then reload everything with it. */
function askForKey() {
  const dialog = element("key-dialog");
  if (dialog.open) return;
  element("wrong-key").hidden = !hasKey();
  element("key-input").value = "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "save") return;
    useKey(element("key-input").value.trim());
    jobView.clear();
    gallery.clear();
    open();
  };
  dialog.showModal();
}

async function open() {
  showNotice("");
  try {
    form.setModels((await json("../v1/models")).data.map((model) => model.id));
    await gallery.load();
    await openFromHash();
  } catch (error) {
    showError(error);
  }
}

/** Show the job named in the URL fragment. */
async function openFromHash() {
  const id = location.hash.slice(1);
  gallery.select(id);
  if (!id) return jobView.clear();
  if (jobView.job?.id === id) return;
  const isCurrent = () => location.hash.slice(1) === id;
  try {
    const job = await json(`../v1/jobs/${encodeURIComponent(id)}`);
    if (!isCurrent()) return;
    showNotice("");
    jobView.show(job);
  } catch (error) {
    if (!isCurrent()) return;
    jobView.clear();
    showError(error);
  }
}

async function send(values) {
  showNotice("");
  form.markInvalid(null);
  element("paint").disabled = true;
  try {
    const job = await json("../v1/jobs", { method: "POST", body: values });
    history.replaceState(null, "", `#${job.id}`);
    jobView.show(job);
    await gallery.load();
    gallery.select(job.id);
  } catch (error) {
    showError(error);
  } finally {
    element("paint").disabled = false;
  }
}

element("language").onclick = () => { switchLanguage(); renderTexts(); };
element("key").onclick = askForKey;
element("request-form").onsubmit = (event) => { event.preventDefault(); send(form.values()); };
element("request-form").onreset = (event) => { event.preventDefault(); showNotice(""); form.setInitImage(null); form.setTexts({}); form.markInvalid(null); };
element("request-form").addEventListener("rejected", (event) => showNotice(event.detail));
element("request-form").addEventListener("accepted", () => showNotice(""));
addEventListener("hashchange", openFromHash);
setInterval(() => { if (gallery.hasUnfinished() && !document.hidden) gallery.load().catch(() => {}); }, REFRESH_MS);

try {
  form.setSchema(await json("form.json"));
  renderTexts();
  await open();
} catch (error) {
  translate();
  showError(error);
}
document.documentElement.dataset.ready = language();
