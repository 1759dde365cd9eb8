// The studio: form, easel and shelf together, and the way in where a key is needed.

import { Problem, bytes, hasKey, json, useKey } from "./api.js";
import { Easel } from "./job-view.js";
import { Form, asUri, make, newSeed } from "./form.js";
import { Shelf } from "./gallery.js";
import { language, say, switchLanguage, translate } from "./i18n.js";

const EXAMPLES = [
  { prompts: "孤舟蓑笠翁，独钓寒江雪", artist: "齐白石" },
  { prompts: "夕阳下的灯塔，油画" },
  { prompts: "竹林里的亭子，水墨画" },
  { prompts: "梵高风格的星夜村庄", size: "384x128" },
  { prompts: "雪山下的湖，水彩" },
];
const EVERY = 10_000;  // milliseconds between two looks at the shelf while a job on it is not over

const at = (id) => document.getElementById(id);
const form = new Form(at("front"), at("rest"));
const easel = new Easel(at("easel"), { again, reuse, start, changed, refused: refuse });
const shelf = new Shelf(at("jobs"), at("older"), { pick, refused: refuse });

// What may be done with a job

/** Paint it again with another seed. */
async function again(job) {
  const start = job.start ? { init_image: await asUri(await bytes(job.start)) } : {};
  await send({ ...job.request, ...start, seed: newSeed() });
}

/** Write its parameters into the form. */
async function reuse(job) {
  form.reuse(job.request);
  await form.take(job.start ? await bytes(job.start) : null);
  at("ask").scrollIntoView();
}

/** Take a picture of it to start from. */
async function start(picture) {
  tell("");
  await form.take(picture);
}

function changed(job) {
  if (!job) location.hash = "";
  shelf.load().catch(refuse);
}

function pick(id) {
  if (location.hash === `#${id}`) visit();
  else location.hash = id;
}

// What the reader is told

function tell(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

function refuse(error) {
  if (error instanceof Problem && error.status === 401) return ask();
  tell(error.message);
  if (error.field) form.blame(error.field);
}

function speak() {
  translate();
  at("language").textContent = say("language");
  const buttons = EXAMPLES.map((example) => make("button", { type: "button", textContent: example.prompts, onclick: () => { form.take(null); form.write(example); } }));
  at("examples").replaceChildren(...buttons);
  form.build();
  easel.redraw();
  shelf.redraw();
}

// The way in

/** Ask for a key, and go on with it. */
function ask() {
  const door = at("door");
  if (door.open) return;
  at("wrong").hidden = !hasKey();
  at("secret").value = "";
  door.returnValue = "";
  door.onclose = () => {
    if (door.returnValue !== "keep") return;
    useKey(at("secret").value.trim());
    easel.clear();
    shelf.clear();
    open();
  };
  door.showModal();
}

async function open() {
  tell("");
  try {
    form.offer((await json("/v1/models")).data.map((model) => model.id));
    await shelf.load();
    await visit();
  } catch (error) {
    refuse(error);
  }
}

/** Show the job that the address names. */
async function visit() {
  const id = location.hash.slice(1);
  shelf.mark(id);
  if (!id) return easel.clear();
  if (easel.job?.id === id) return;
  const here = () => location.hash.slice(1) === id;
  try {
    const job = await json(`/v1/jobs/${encodeURIComponent(id)}`);
    if (!here()) return;
    tell("");
    easel.put(job);
  } catch (error) {
    if (!here()) return;
    easel.clear();
    refuse(error);
  }
}

async function send(values) {
  tell("");
  form.blame(null);
  at("paint").disabled = true;
  try {
    const job = await json("/v1/jobs", { method: "POST", body: values });
    history.replaceState(null, "", `#${job.id}`);
    easel.put(job);
    await shelf.load();
    shelf.mark(job.id);
  } catch (error) {
    refuse(error);
  } finally {
    at("paint").disabled = false;
  }
}

at("language").onclick = () => { switchLanguage(); speak(); };
at("key").onclick = ask;
at("ask").onsubmit = (event) => { event.preventDefault(); send(form.values()); };
at("ask").onreset = (event) => { event.preventDefault(); tell(""); form.take(null); form.write({}); form.blame(null); };
at("ask").addEventListener("refused", (event) => tell(event.detail));
at("ask").addEventListener("taken", () => tell(""));
addEventListener("hashchange", visit);
setInterval(() => { if (shelf.waits() && !document.hidden) shelf.load().catch(() => {}); }, EVERY);

try {
  form.use(await json("controls.json"));
  speak();
  await open();
} catch (error) {
  translate();
  refuse(error);
}
document.documentElement.dataset.ready = language();
