// All texts of the page in Chinese and English, and the current language.

import { load, store } from "./storage.js";

const TEXTS = {
  key: ["密钥", "API key"],
  more: ["全部参数", "All parameters"],
  paint: ["画", "Paint"],
  reset: ["清空", "Clear"],
  recipe: ["作画参数", "Parameters"],
  gallery: ["作品", "Gallery"],
  older: ["更早的", "Older"],
  askKey: ["此服务需要密钥。密钥由管理员用 danqing serve keys add 创建。", "This service requires an API key. The administrator creates one with danqing serve keys add."],
  wrongKey: ["密钥不正确。", "The API key is not valid."],
  progress: ["进度", "Progress"],
  enter: ["确定", "OK"],
  back: ["取消", "Cancel"],
  language: ["English", "中文"],
  empty: ["请写一句画题，再按“画”。", "Write a sentence, then press Paint."],
  prompts: ["画题，每行一句；可加权重，如 红色：-0.3", "Prompts in Chinese, one per line; optional weight, for example 红色：-0.3"],
  artist: ["画家", "Artist"],
  style: ["风格", "Style"],
  size: ["画幅", "Canvas"],
  quality: ["质量", "Quality"],
  draft: ["草稿", "draft"],
  standard: ["标准", "standard"],
  fine: ["细致", "fine"],
  seed: ["种子", "Seed"],
  anySeed: ["随机", "random"],
  init_image: ["底图", "Init image"],
  preset: ["默认", "default"],
  yes: ["是", "yes"],
  no: ["否", "no"],
  dice: ["换一个", "random"],
  removeImage: ["拿掉", "Remove"],
  queued: ["排队中，前面还有 {0} 个任务。", "Queued; {0} jobs ahead."],
  next: ["排队中，下一个开始。", "Queued; next to start."],
  starting: ["即将开始……", "Starting…"],
  painting: ["第 {0} / {1} 步", "Step {0} of {1}"],
  left: ["，约剩 {0}", ", about {0} left"],
  batch: ["（第 {0} 幅起）", " (from image {0})"],
  stopping: ["这一步完成后停止。", "Stopping after this step."],
  finished: ["画好了，用了 {0}。", "Finished in {0}."],
  cancelled: ["停下了，可以接着画。", "Stopped. You can resume it."],
  failed: ["失败：{0}", "Failed: {0}"],
  disconnected: ["无法连接服务，正在重试……", "The service cannot be reached. Retrying…"],
  seconds: ["{0} 秒", "{0} s"],
  minutes: ["{0} 分 {1} 秒", "{0} min {1} s"],
  stop: ["停下", "Stop"],
  resume: ["接着画", "Resume"],
  delete: ["删去", "Delete"],
  confirmDelete: ["图像会一起删除，无法恢复。确定删除？", "The images are deleted too and cannot be restored. Delete?"],
  repeat: ["换个种子再画", "Repeat with another seed"],
  reuse: ["用这些参数", "Use these parameters"],
  useAsInit: ["拿它作底图", "Use as init image"],
  picture: ["第 {0} 幅，种子 {1}", "Image {0}, seed {1}"],
  preview: ["第 {0} 步", "Step {0}"],
  save: ["存 PNG", "Save PNG"],
  animation: ["存过程 {0}", "Save animation {0}"],
  state_queued: ["排队中", "queued"],
  state_painting: ["在画", "painting"],
  state_finished: ["画好了", "finished"],
  state_failed: ["失败", "failed"],
  state_cancelled: ["停下了", "stopped"],
  tooLarge: ["底图太大，最多 {0} MB。", "The init image is too large; the limit is {0} MB."],
  notPicture: ["底图须为 PNG、JPEG 或 WebP。", "The init image must be PNG, JPEG or WebP."],
  unreachable: ["无法连接服务。请检查它是否在运行。", "The service cannot be reached. Check that it is running."],
};

let chosen = load("danqing.language") ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

/** zh or en. */
export const language = () => chosen;

/** Return a text in the current language with {0}, {1} filled in. */
export function tr(name, ...values) {
  const text = TEXTS[name][chosen === "zh" ? 0 : 1];
  return text.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** Return the message of a {zh, en} pair in the current language. */
export const localized = (text) => text[chosen];

/** Format a duration in seconds. */
export function duration(seconds) {
  const rounded = Math.max(1, Math.round(seconds));
  return rounded < 100 ? tr("seconds", rounded) : tr("minutes", Math.floor(rounded / 60), rounded % 60);
}

/** Switch to the other language. */
export function switchLanguage() {
  chosen = chosen === "zh" ? "en" : "zh";
  store("danqing.language", chosen);
}

/** Fill in the texts of the static page. */
export function translate() {
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = tr(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", tr(element.dataset.label));
}
