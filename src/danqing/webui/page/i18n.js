// All that the page says, in Chinese and English, and which of them it speaks.

import { keep, recall } from "./storage.js";

const WORDS = {
  key: ["钥匙", "Key"],
  more: ["全部参数", "All parameters"],
  paint: ["画", "Paint"],
  reset: ["清空", "Clear"],
  recipe: ["作画参数", "How it was made"],
  shelf: ["画过的", "Painted"],
  older: ["更早的", "Older ones"],
  askKey: ["这里要有钥匙，由开服务的人用 danqing serve keys add 新建。", "A key is needed here; whoever runs the service makes one with danqing serve keys add."],
  wrongKey: ["这把钥匙不对。", "That key is not right."],
  progress: ["画了多少", "How far it is"],
  enter: ["进去", "Enter"],
  back: ["算了", "Cancel"],
  language: ["English", "中文"],
  empty: ["写一句画题，按“画”。", "Write a sentence and press Paint."],
  prompts: ["画题，一行一句；可带权重，如 红色：-0.3", "Chinese sentences, one a line; a weight may follow, as in 红色：-0.3"],
  artist: ["画家", "Artist"],
  style: ["风格", "Style"],
  size: ["画幅", "Canvas"],
  quality: ["快慢", "Quality"],
  draft: ["草稿", "draft"],
  standard: ["标准", "standard"],
  fine: ["细致", "fine"],
  seed: ["种子", "Seed"],
  anySeed: ["随机", "random"],
  init_image: ["底图", "Start from a picture"],
  preset: ["默认", "default"],
  yes: ["是", "yes"],
  no: ["否", "no"],
  dice: ["换一个", "another"],
  takeAway: ["拿掉", "Take away"],
  queued: ["在排队，前面还有 {0} 个。", "Waiting; {0} before it."],
  next: ["在排队，下一个就是它。", "Waiting; it is the next one."],
  starting: ["就要开始了……", "About to begin…"],
  painting: ["第 {0} / {1} 步", "Step {0} of {1}"],
  left: ["，约剩 {0}", ", about {0} left"],
  batch: ["（从第 {0} 幅起）", " (from picture {0} on)"],
  stopping: ["走完这一步就停。", "It stops after this step."],
  finished: ["画好了，用了 {0}。", "Finished in {0}."],
  cancelled: ["停下了，可以接着画。", "Stopped; it can go on."],
  failed: ["没有画成：{0}", "Failed: {0}"],
  lost: ["连不上服务，过一会儿再试……", "The service cannot be reached; trying again…"],
  seconds: ["{0} 秒", "{0} s"],
  minutes: ["{0} 分 {1} 秒", "{0} min {1} s"],
  stop: ["停下", "Stop"],
  resume: ["接着画", "Go on"],
  forget: ["删去", "Delete"],
  reallyForget: ["画也一起删去，找不回来。删吗？", "The pictures go too, for good. Delete?"],
  again: ["换个种子再画", "Again, another seed"],
  reuse: ["用这些参数", "Use these parameters"],
  start: ["拿它作底图", "Start from it"],
  picture: ["第 {0} 幅，种子 {1}", "Picture {0}, seed {1}"],
  preview: ["第 {0} 步的样子", "As of step {0}"],
  save: ["存 PNG", "Save PNG"],
  animation: ["存过程 {0}", "Save process {0}"],
  state_queued: ["在等", "waiting"],
  state_painting: ["在画", "being painted"],
  state_finished: ["画好了", "finished"],
  state_failed: ["没画成", "failed"],
  state_cancelled: ["停下了", "stopped"],
  tooLarge: ["底图太大，最多 {0} MB。", "The start picture is too large: {0} MB at most."],
  notPicture: ["底图要是 PNG、JPEG 或 WebP。", "The start picture must be PNG, JPEG or WebP."],
  unreachable: ["连不上服务。它还开着吗？", "The service cannot be reached. Is it running?"],
};

let chosen = recall("danqing.language") ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

/** zh or en. */
export const language = () => chosen;

/** One of the texts above, with {0}, {1} filled in. */
export function say(name, ...values) {
  const text = WORDS[name][chosen === "zh" ? 0 : 1];
  return text.replace(/\{(\d)\}/g, (_, place) => values[place]);
}

/** The Chinese or English of something that the service says in both. */
export const either = (said) => said[chosen];

/** A time that a person can read. */
export function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 100 ? say("seconds", whole) : say("minutes", Math.floor(whole / 60), whole % 60);
}

/** Speak the other language from now on. */
export function switchLanguage() {
  chosen = chosen === "zh" ? "en" : "zh";
  keep("danqing.language", chosen);
}

/** Put words where the page asks for them. */
export function translate() {
  document.documentElement.lang = chosen;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = say(place.dataset.word);
  for (const place of document.querySelectorAll("[data-name]")) place.setAttribute("aria-label", say(place.dataset.name));
}
