// Elements of drawings.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Create an SVG element with these attributes. */
export function draw(tag, attributes) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
