// Entry point of the studio: connects the form, the job view and the gallery, and asks for an API key if one is required.

import { ApiError, bytes, json } from "./api.js";
import { Check } from "./check.js";
import { openComparison } from "./compare.js";
import { Deletion } from "./deletion.js";
import { showExamples } from "./examples.js";
import { Favourites } from "./favourites.js";
import { Filters } from "./filters.js";
import { JobView } from "./job-view.js";
import { Form, toDataUri, newSeed } from "./form.js";
import { Gallery } from "./gallery.js";
import { openGrid } from "./grid-dialog.js";
import { language, tr, switchLanguage, translate } from "./i18n.js";
import { keyDialog } from "./key-dialog.js";
import { Notifier } from "./notify.js";
import { PictureTools } from "./picture-tools.js";
import { openPoems } from "./poems.js";
import { Presets } from "./presets.js";
import { Queue } from "./queue.js";
import { Restore } from "./restore.js";
import { Selection } from "./selection.js";
import { shareLink } from "./share-link.js";
import { Shortcuts } from "./shortcuts.js";
import { load, store } from "./storage.js";
import { Zoom } from "./zoom.js";

const REFRESH_MS = 10_000;  // interval of gallery updates while it contains an unfinished job

const element = (id) => document.getElementById(id);
const form = new Form(element("front"), element("rest"));
const check = new Check(element("check"), () => form.values());
const zoom = new Zoom(element("zoom"));
const favourites = new Favourites(showError);
const channel = window.BroadcastChannel ? new BroadcastChannel("danqing") : null;  // between the tabs of this browser
let sending = false;
const isFavourite = (job) => favourites.has(job);
let gallery = null;
const tools = new PictureTools({ submit, another: repeatPicture, useAsInit, removePicture, notice: showNotice, onError: showError });
const jobView = new JobView(element("job"), {
  repeat: repeatJob, reuse, remove: (job) => removeJobs([job]), changed, isFavourite, favourite, onError: showError,
  pictureButtons: (...picture) => tools.buttons(...picture),
  zoom: (pictures, index) => zoom.open(pictures, index),
  finishedJobs: () => gallery?.finished() ?? [],
  samples: () => [form.schema.samples ?? [], [...form.schema.style ?? [], ...form.schema.artist ?? []], paintSample],
  pick,
  isKnown: (notice) => check.shows(notice),
});
const deletion = new Deletion(element("undo"), showError);
gallery = new Gallery(element("jobs"), element("end"), {
  pick, isFavourite, onError: showError,
  favourites: () => favourites.ids(),
  press: (job, event) => selection.press(job, event),
  drawn: () => selection?.refresh(),
});
const filters = new Filters(element("gallery"), { filter: (query) => gallery.filter(query).catch(showError) });
const askForKey = keyDialog(element("key-dialog"), element("key"), () => { jobView.clear(); gallery.clear(); open(); });
const notifier = new Notifier(element("notify"), pick);
const queue = new Queue(element("queue"), { pick, changed, onError: showError, ended: (job) => { announce(job); notifier.report(job); changed(); } });
const presets = new Presets(element("presets"), {
  texts: () => form.texts(),
  apply: (texts) => { form.setTexts(texts); formChanged(); },
  told: showNotice,
});
const restore = new Restore(form, { changed: formChanged, told: showNotice, onError: showError });
let selection = null;
selection = new Selection(element("select-many"), element("selection"), gallery, {
  remove: removeJobs,
  compare: (jobs) => openComparison(...jobs.map((job) => ({ url: job.pictures[0].url, text: job.request.prompts.join(" ") }))).catch(showError),
  onError: showError,
});
new Shortcuts(element("shortcuts"), element("help"), {
  paint: () => element("request-form").requestSubmit(),
  neighbour: (by) => { const id = gallery.neighbour(jobView.job?.id, by); if (id) pick(id); },
  search: () => element("search").focus(),
  sentence: () => form.controls.get("prompts").input.focus(),
  favourite: () => { if (jobView.job) { favourite(jobView.job); jobView.redraw(); } },
  escape: () => selection.stop(),
});

// Actions on a job

/** Paint a picture that comes with the program. */
async function paintSample(request) {
  await form.setInitImage(null);
  form.setTexts(Object.fromEntries(Object.entries(request).map(([name, value]) => [name, String(value)])));
  formChanged();
  await send(form.values());
}

/** Submit the request of a job again with a new seed. */
async function repeatJob(job) {
  const pictures = job.start ? { init_image: await toDataUri(await bytes(job.start)) } : {};
  if (job.mask) pictures.mask = await toDataUri(await bytes(job.mask));
  if (job.seal) pictures.seal = job.seal;
  await send({ ...job.request, ...pictures, seed: newSeed() });
}

/** Paint one picture of a job again, alone, with another seed. */
async function repeatPicture(job) {
  await repeatJob({ ...job, request: { ...job.request, n_batches: 1, batch_size: 1 } });
}

/** Hide jobs and delete them when there was time to undo this. */
function removeJobs(jobs) {
  if (jobs.some((job) => job.id === jobView.job?.id)) location.hash = "";
  const ids = jobs.map((job) => job.id);
  gallery.hide(ids, true);
  deletion.start(ids.map((id) => `../v1/jobs/${id}?forget=true`), () => gallery.hide(ids, false), () => pick(ids[0]));
}

/** Hide a picture and delete it when there was time to undo this; with the only one, the job is deleted. */
function removePicture(job, { number, url }) {
  if (job.pictures.length < 2) return removeJobs([job]);
  jobView.hidePicture(job, number, true);
  deletion.start([url], () => jobView.hidePicture(job, number, false));
}

function favourite(job) {
  favourites.toggle(job).then(() => channel?.postMessage("changed"));
  showFavourites();
}

function showFavourites() {
  if (element("favourites").checked) filters.apply();
  else gallery.redraw();
}

/** Check the form and keep its texts for the next visit. */
function formChanged() {
  check.schedule();
  store("danqing.form", JSON.stringify(form.texts()));
}

/** Paint a line of a poem, and inscribe it. */
function useVerse(line) {
  form.setTexts({ ...form.texts(), prompts: line, inscription: line });
  formChanged();
}

/** Copy the request of a job into the form. */
async function reuse(job) {
  await restore.fromJob(job);
  element("request-form").scrollIntoView();
}

/** Use an image of a job as the initial image. */
async function useAsInit(picture) {
  showNotice("");
  await form.setInitImage(picture);
}

/** Update the lists after a change of a job; other tabs do so too. */
function changed(job) {
  if (job) announce(job);
  gallery.load().catch(showError);
  queue.load().catch(showError);
  channel?.postMessage("changed");
}

/** Tell screen readers about the state of a job. */
function announce(job) {
  element("announcement").textContent = `${tr(`state_${job.state}`)}: ${job.request.prompts.join(" ")}`;
}

function pick(id) {
  if (location.hash === `#${id}`) openFromHash();
  else location.hash = id;
  const { top } = element("job").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) element("job").scrollIntoView();
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
  filters.build(form.schema);
  presets.build();
  notifier.refresh();
  showExamples(element("examples"), {
    use: (texts) => { form.setInitImage(null); form.setTexts(texts); formChanged(); },
    findPoem: () => openPoems(form.texts().prompts ?? "", useVerse).catch(showError),
  });
  form.build();
  jobView.redraw();
  gallery.redraw();
  queue.redraw();
  check.redraw();
}

// Navigation

async function open() {
  showNotice("");
  try {
    form.setModels((await json("../v1/models")).data.map((model) => model.id));
    await Promise.all([favourites.load().then(() => gallery.load()), queue.load()]);
    performance.mark("works");
    await openFromHash();
    jobView.showWall();
  } catch (error) {
    showError(error);
  }
}

/** Show the job named in the URL fragment. */
async function openFromHash() {
  if (await restore.fromLink(location.hash)) return history.replaceState(null, "", location.pathname);
  const id = location.hash.slice(1);
  gallery.select(id);
  element("link").hidden = true;
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

/** Submit a request and show its job; an error is thrown. */
async function submit(values) {
  const job = await json("../v1/jobs", { method: "POST", body: values });
  history.replaceState(null, "", `#${job.id}`);
  jobView.show(job);
  if (element("job").getBoundingClientRect().top > innerHeight / 2) element("job").scrollIntoView();  // below the form on a phone
  await Promise.all([gallery.load(), queue.load()]);
  gallery.select(job.id);
  channel?.postMessage("changed");
}

/** Submit the request of the form; an error is shown beside its field. */
async function send(values) {
  if (sending) return;
  sending = true;  // the button is not disabled, so that it keeps the focus
  showNotice("");
  form.markInvalid(null);
  try {
    await submit(values);
  } catch (error) {
    showError(error);
  } finally {
    sending = false;
  }
}

element("language").onclick = () => { switchLanguage(); renderTexts(); };
element("request-form").onsubmit = (event) => { event.preventDefault(); send(form.values()); };
element("request-form").onreset = (event) => { event.preventDefault(); showNotice(""); form.setInitImage(null); form.setTexts({}); form.markInvalid(null); formChanged(); };
element("request-form").addEventListener("input", formChanged);
element("request-form").addEventListener("grid", () => openGrid(form, { submit }));
element("restore").onchange = async ({ target }) => {
  if (target.files[0]) await restore.fromFile(target.files[0]).catch(showError);
  target.value = "";
};
shareLink(element("copy-link"), element("link"), { job: () => jobView.job, told: showNotice });
element("request-form").addEventListener("rejected", (event) => showNotice(event.detail));
element("request-form").addEventListener("accepted", () => showNotice(""));
addEventListener("hashchange", openFromHash);
const refresh = () => { if (!document.hidden) gallery.load().catch(() => {}); };
setInterval(() => { if (gallery.hasUnfinished()) refresh(); }, REFRESH_MS);
addEventListener("focus", () => { refresh(); queue.load().catch(() => {}); });
if (channel) channel.onmessage = () => { refresh(); queue.load().catch(() => {}); favourites.load().then(showFavourites).catch(() => {}); };

try {
  form.setSchema(await json("form.json"));
  renderTexts();
  form.setTexts(JSON.parse(load("danqing.form") ?? "{}"));
  performance.mark("writable");
  await open();
  check.schedule();
} catch (error) {
  translate();
  showError(error);
}
document.documentElement.dataset.ready = language();
