// Reads the parameters of a picture file: those of Danqing or the text of A1111, in PNG, JPEG and WebP.

const EDGE = 300_000;  // bytes at both ends of a JPEG or WebP in which metadata are searched
const NEGATIVE = -0.5;  // weight of the negative prompt of A1111, as in the service's own A1111 interface

const decode = (bytes, encoding = "utf-8") => new TextDecoder(encoding).decode(bytes);

/** Return {request, omitted} of a picture, or null if it has no parameters. `omitted` lists what was not taken, as texts. */
export async function readParameters(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const texts = isPng(bytes) ? pngTexts(bytes) : {};
  const own = texts.danqing ?? xmpRecipe(bytes);
  if (own) return fromMetadata(JSON.parse(own));
  const parameters = texts.parameters ?? exifComment(bytes);
  return parameters ? fromA1111(parameters) : null;
}

const isPng = (bytes) => bytes[0] === 0x89 && decode(bytes.subarray(1, 4)) === "PNG";

/** Return the uncompressed text chunks of a PNG by keyword. */
function pngTexts(bytes) {
  const view = new DataView(bytes.buffer);
  const texts = {};
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const kind = decode(bytes.subarray(at + 4, at + 8));
    if (kind !== "tEXt" && kind !== "iTXt") continue;
    const body = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const end = body.indexOf(0);
    const keyword = decode(body.subarray(0, end));
    if (kind === "tEXt") texts[keyword] ??= decode(body.subarray(end + 1), "latin1");
    else if (!body[end + 1]) texts[keyword] = decode(body.subarray(body.indexOf(0, body.indexOf(0, end + 3) + 1) + 1));
  }
  return texts;
}

/** Return the recipe in the XMP packet of a JPEG or WebP, or null. */
function xmpRecipe(bytes) {
  const text = decode(bytes.subarray(0, EDGE)) + decode(bytes.subarray(Math.max(EDGE, bytes.length - EDGE)));
  const packet = text.match(/<x:xmpmeta[^]*?<\/x:xmpmeta>/)?.[0];
  const found = packet && new DOMParser().parseFromString(packet, "text/xml").getElementsByTagNameNS("urn:danqing:xmp:1.0:", "Recipe")[0];
  return found ? found.textContent : null;
}

/** Return the user comment in the Exif of a JPEG or WebP, where A1111 stores its text as UTF-16, or null. */
function exifComment(bytes) {
  for (const part of [bytes.subarray(0, EDGE), bytes.subarray(Math.max(EDGE, bytes.length - EDGE))]) {
    const at = decode(part, "latin1").indexOf("UNICODE\0");
    if (at < 0) continue;
    const comment = part.subarray(at + 8, at + 8 + 20_000);
    for (const encoding of ["utf-16be", "utf-16le"]) {
      const found = decode(comment, encoding).match(/^[^\0]*?Steps: \d+[^\0\n]*/)?.[0];
      if (found) return found;
    }
  }
  return null;
}

function fromMetadata({ request, seed, model, omitted = [] }) {
  return { request: { ...request, seed, model, n_batches: 1, batch_size: 1 }, omitted };
}

function fromA1111(text) {
  const [, prompt, negative = "", settings = ""] = text.match(/^([^]*?)(?:\nNegative prompt:([^]*?))?(?:\n(Steps:[^]*))?$/) ?? [];
  if (!prompt?.trim() || prompt.startsWith("{")) return null;
  const clean = (words) => words.replace(/\s+/g, " ").trim();
  const values = Object.fromEntries([...settings.matchAll(/([\w ]+): ("[^"]*"|[^,]+)/g)].map(([, name, value]) => [name.trim(), value.trim()]));
  const request = { prompts: [clean(prompt)] };
  if (clean(negative)) request.prompts.push(`${clean(negative.replaceAll(/[:：]/g, " "))}：${NEGATIVE}`);
  if (values.Steps) request.steps = Number(values.Steps);
  if (values.Seed) request.seed = values.Seed;
  if (values.Size) request.size = values.Size.split("x").map((side) => Math.max(64, Math.round(side / 64) * 64));
  const omitted = Object.entries(values).filter(([name]) => !["Steps", "Seed", "Size"].includes(name));
  return { request, omitted: omitted.map(([name, value]) => `${name} ${value}`), other: true };
}
