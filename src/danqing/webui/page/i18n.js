// All texts of the page in Chinese and English, and the current language.

import { load, store } from "./storage.js";
import { PICTURE_TEXTS } from "./texts-pictures.js";

const TEXTS = {
  ...PICTURE_TEXTS,
  key: ["密钥", "API key"],
  more: ["全部参数", "All parameters"],
  paint: ["画", "Paint"],
  reset: ["清空", "Clear"],
  recipe: ["作画参数", "Parameters"],
  gallery: ["作品", "Gallery"],
  askKey: ["此服务需要密钥。密钥由管理员用 danqing serve keys add 创建。", "This service requires an API key. The administrator creates one with danqing serve keys add."],
  wrongKey: ["密钥不正确。", "The API key is not valid."],
  progress: ["进度", "Progress"],
  enter: ["确定", "OK"],
  back: ["取消", "Cancel"],
  language: ["English", "中文"],
  empty: ["请写一句画题，再按“画”。", "Write a prompt, then press Paint."],
  prompts: ["画什么", "What to paint"],
  promptsHint: ["每行一句。不想要的写负权重，如“红色：-0.3”。", "One prompt per line. For something unwanted write a negative weight, for example 红色：-0.3."],
  examplePrompt: ["例如：孤舟蓑笠翁，独钓寒江雪", "For example: 孤舟蓑笠翁，独钓寒江雪"],
  artist: ["画家", "Artist"],
  anyName: ["挑一张，或写别的", "Choose below, or write another"],
  paintThis: ["照这样画", "Paint this"],
  style: ["风格", "Style"],
  size: ["画幅", "Canvas"],
  quality: ["质量", "Quality"],
  draft: ["草稿", "draft"],
  standard: ["标准", "standard"],
  fine: ["细致", "fine"],
  grid: ["对照表", "Grid"],
  gridHint: ["选一两样设置和它们的几个值，每种组合画一幅，排成一张表。", "Choose one or two settings and some values: every combination is painted and shown in a table."],
  gridColumns: ["横向", "Across"],
  gridRows: ["纵向", "Down"],
  gridCount: ["共 {0} 幅。", "{0} pictures in all."],
  gridSame: ["请选两样不同的设置。", "Choose two different settings."],
  gridSentences: ["每行一句。", "One prompt per line."],
  gridFrom: ["从", "from"],
  gridTo: ["到", "to"],
  gridHowMany: ["几个", "how many"],
  grid_none: ["不用", "none"],
  grid_style: ["风格", "style"],
  grid_artist: ["画家", "artist"],
  grid_prompts: ["画题", "prompt"],
  grid_seed: ["种子（同一句的不同画法）", "seed (other pictures of the same prompt)"],
  grid_steps: ["步数（细致程度）", "steps (how carefully)"],
  grid_guidance_scale: ["贴近画题的程度", "how closely to follow the prompt"],
  grid_strength: ["改动底图的程度", "how much of the initial image changes"],
  gridPicture: ["第 {0} 幅：{1}", "Picture {0}: {1}"],
  pictureOf: ["第 {0} 幅", "Picture {0}"],
  saveSheet: ["保存整张表", "Save the whole table"],
  seed: ["种子", "Seed"],
  anySeed: ["随机", "random"],
  init_image: ["底图", "Initial image"],
  preset: ["默认", "default"],
  yes: ["是", "yes"],
  no: ["否", "no"],
  dice: ["换一个", "random"],
  removeImage: ["移除", "Remove"],
  queued: ["排队中，前面还有 {0} 个任务。", "Queued; {0} jobs ahead."],
  next: ["排队中，下一个开始。", "Queued; next to start."],
  starting: ["即将开始……", "Starting…"],
  painting: ["第 {0} / {1} 步", "Step {0} of {1}"],
  timeLeft: ["，约剩 {0}", ", about {0} left"],
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
  repeat: ["换个种子再画", "Repeat with another seed"],
  reuse: ["用这些参数", "Use these parameters"],
  useAsInit: ["用作底图", "Use as initial image"],
  chooseImage: ["选一张图片", "Choose a picture"],
  restore: ["从图片取回参数", "Restore from a picture"],
  restored: ["已取回这幅画的参数。", "The parameters were loaded from this picture."],
  restoredOther: ["已取回画题、步数、种子和画幅，不要的东西记为负权重。", "Prompt, steps, seed and canvas were loaded; the negative prompt has a negative weight."],
  maskName: ["蒙版", "mask"],
  sealName: ["印章图片", "picture of the seal"],
  notTaken: ["未采用：{0}。", " Not used: {0}."],
  noParameters: ["这张图片没有作画参数，已用作底图。", "This picture has no parameters; it is used as the initial image."],
  badLink: ["这个链接里的参数读不出来。", "The parameters in this link cannot be read."],
  restoreHint: ["也可以把图片拖到页面上", "You can also drop a picture on the page"],
  dropHere: ["松手，取回这张图片的参数", "Drop the picture to get its parameters back"],
  copyLink: ["复制参数链接", "Copy a link with the parameters"],
  linkCopied: ["链接已复制，在任何一个画室里打开都会填好参数。", "The link is copied. It fills the form of any studio."],
  linkShown: ["请复制这个链接。", "Copy this link."],
  noInitInLink: ["底图不在链接里。", " The initial image is not part of it."],
  presets: ["预设", "Presets"],
  savePreset: ["存为预设", "Save as preset"],
  deletePreset: ["删去这个预设", "Delete this preset"],
  presetName: ["预设的名字", "Name of the preset"],
  presetSaved: ["已存为预设“{0}”，不含画题和种子。", "Saved as preset {0}, without prompt and seed."],
  queue: ["队列", "Queue"],
  pauseQueue: ["暂停", "Pause"],
  continueQueue: ["继续", "Continue"],
  cancelAll: ["全部取消", "Cancel all"],
  queuePaused: ["已暂停，排队的任务不会开始。", "Paused. Queued jobs do not start."],
  waits: ["等待中", "waiting"],
  place: ["排第 {0}", "number {0}"],
  moveUp: ["往前一位", "Move up"],
  moveFirst: ["最先画", "Paint next"],
  cancelOne: ["取消", "Cancel"],
  notify: ["画好时通知", "Notify when done"],
  announce: ["丹青：{0}", "Danqing: {0}"],
  model: ["模型", "Model"],
  shape: ["画幅", "Canvas"],
  anyModel: ["所有模型", "all models"],
  anyShape: ["所有画幅", "all shapes"],
  anyStyle: ["风格或画家", "Style or artist"],
  pictureCount: ["{0} 幅", "{0} pictures"],
  selectMany: ["选择", "Select"],
  selectAll: ["全选", "Select all"],
  selectedCount: ["选了 {0} 幅", "{0} selected"],
  downloadZip: ["下载 ZIP", "Download ZIP"],
  deleteSelected: ["删去", "Delete"],
  deletedCount: ["删去了 {0} 幅。", "{0} deleted."],
  done: ["完成", "Done"],
  shortcuts: ["快捷键", "Keyboard shortcuts"],
  keyPaint: ["画", "Paint"],
  keyNeighbour: ["看上一幅、下一幅作品", "Previous and next work"],
  keySearch: ["查找作品", "Search the gallery"],
  keySentence: ["写画题", "Write the prompt"],
  keyFavourite: ["收藏正在看的画", "Add the picture in view to the favourites"],
  keyEscape: ["结束选择，关闭窗口", "End selecting, close a dialog"],
  keyHelp: ["这张表", "This list"],
  count: ["几幅", "Pictures"],
  square: ["方", "square"],
  wide: ["横披", "wide"],
  tall: ["立轴", "tall"],
  scroll: ["长卷", "scroll"],
  enlarge: ["看大图", "View large"],
  otherSeed: ["换个种子", "Another seed"],
  saveAs: ["保存", "Save"],
  favourite: ["收藏", "Favourite"],
  unfavourite: ["取消收藏", "Remove favourite"],
  favourites: ["只看收藏", "Favourites only"],
  search: ["找画题里的词", "Search the prompts"],
  nothing: ["没有符合的作品。", "Nothing matches."],
  deleted: ["已删去。", "Deleted."],
  undo: ["撤销", "Undo"],
  previous: ["上一幅", "Previous"],
  following: ["下一幅", "Next"],
  close: ["关闭", "Close"],
  jobSection: ["正在看的画", "Picture in view"],
  picture: ["第 {0} 幅，种子 {1}", "Image {0}, seed {1}"],
  preview: ["第 {0} 步", "Step {0}"],
  animation: ["过程 {0}", "process {0}"],
  state_queued: ["排队中", "queued"],
  state_painting: ["在画", "painting"],
  state_finished: ["画好了", "finished"],
  state_failed: ["失败", "failed"],
  state_cancelled: ["停下了", "stopped"],
  tooLarge: ["底图太大，最多 {0} MB。", "The initial image is too large; the limit is {0} MB."],
  notPicture: ["底图须为 PNG、JPEG 或 WebP。", "The initial image must be PNG, JPEG or WebP."],
  memoryEstimate: ["约占内存 {0} GB。", "It takes about {0} GB of memory."],
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
  for (const element of document.querySelectorAll("[data-title]")) element.title = tr(element.dataset.title);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", tr(element.dataset.label));
}
