// The studio: form, easel and shelf together, and the way in where a key is needed.

import { Problem, json, keepKey } from "./api.js";
import { Easel } from "./easel.js";
import { Form, make, newSeed } from "./form.js";
import { Shelf } from "./shelf.js";
import { language, say, switchLanguage, translate } from "./words.js";

const EXAMPLES = [
  { prompts: "孤舟蓑笠翁，独钓寒江雪", artist: "齐白石" },
  { prompts: "夕阳下的灯塔，油画" },
  { prompts: "竹林里的亭子，水墨画" },
  { prompts: "梵高风格的星夜村庄", size: "384x128" },
  { prompts: "雪山下的湖，水彩" },
];

const at = (id) => document.getElementById(id);
const form = new Form(at("front"), at("rest"), await json("controls.json"));
const easel = new Easel(at("easel"), {
  again: (job) => send({ ...sendable(job.request), seed: newSeed() }),
  reuse: (job) => { form.reuse(job.request); at("ask").scrollIntoView(); },
  start: (blob) => form.take(blob).catch(refuse),
  changed: (job) => { if (!job) location.hash = ""; shelf.load().catch(refuse); },
  refused: refuse,
});
const shelf = new Shelf(at("jobs"), at("older"), (id) => { location.hash = id; });

function speak() {
  translate();
  at("language").textContent = say("language");
  const buttons = EXAMPLES.map((example) => make("button", { type: "button", textContent: example.prompts, onclick: () => form.write(example) }));
  at("examples").replaceChildren(...buttons);
  form.build();
  easel.redraw();
  shelf.redraw();
}

function tell(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

async function refuse(error) {
  if (error instanceof Problem && error.status === 401) return ask();
  tell(error.message);
  if (error.field) form.blame(error.field);
}

/** Ask for a key, and go on with it. */
function ask() {
  const door = at("door");
  if (door.open) return;
  at("secret").value = "";
  door.returnValue = "";
  door.onclose = () => {
    if (door.returnValue !== "keep") return;
    keepKey(at("secret").value.trim());
    open();
  };
  door.showModal();
}

/** A request as it can be sent again: a start picture is left out of what the service tells. */
const sendable = (request) => Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));

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

/** Show the job that the address names. */
async function visit() {
  const id = location.hash.slice(1);
  shelf.mark(id);
  if (!id) return easel.clear();
  if (easel.job?.id === id) return;
  try {
    easel.put(await json(`/v1/jobs/${encodeURIComponent(id)}`));
  } catch (error) {
    easel.clear();
    refuse(error);
  }
}

async function open() {
  tell("");
  try {
    await shelf.load();
    await visit();
  } catch (error) {
    refuse(error);
  }
}

at("language").onclick = () => { switchLanguage(); speak(); };
at("key").onclick = ask;
at("ask").onsubmit = (event) => { event.preventDefault(); send(form.values()); };
at("ask").onreset = (event) => { event.preventDefault(); tell(""); form.take(null); form.write({}); form.blame(null); };
at("ask").addEventListener("refused", (event) => tell(event.detail));
addEventListener("hashchange", visit);

speak();
await open();
document.documentElement.dataset.ready = language();
