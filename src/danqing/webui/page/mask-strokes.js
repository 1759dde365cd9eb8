// The part of a picture that is to be repainted, drawn by brush, eraser and lasso, with undo.

const MOST_UNDONE = 40;
const THRESHOLD = 128;

/** A mask in the pixels of its picture; opaque is repainted. */
export class MaskStrokes {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.done = [];  // strokes: {tool, points, size}
    this.undone = [];
  }

  /** Begin a stroke of a tool (brush, eraser or lasso) with the diameter of its tip in pixels. */
  begin(tool, point, size) {
    this.stroke = { tool, points: [{ ...point, size }] };
    this.#drawSegment(this.stroke, 0);
  }

  /** Continue the stroke; pens vary the size. */
  extend(point, size) {
    if (!this.stroke) return;
    this.stroke.points.push({ ...point, size });
    if (this.stroke.tool !== "lasso") this.#drawSegment(this.stroke, this.stroke.points.length - 1);
  }

  /** End the stroke; a lasso is filled. Returns true if there was one. */
  end() {
    if (!this.stroke) return false;
    this.done.push(this.stroke);
    if (this.done.length > MOST_UNDONE) this.#merge();
    this.stroke = null;
    this.undone = [];
    this.redraw();
    return true;
  }

  /** Drop the stroke that is being drawn, for example when a second finger touches. */
  cancel() {
    this.stroke = null;
    this.redraw();
  }

  undo() {
    if (this.done.length) this.undone.push(this.done.pop());
    this.redraw();
  }

  redo() {
    if (this.undone.length) this.done.push(this.undone.pop());
    this.redraw();
  }

  /** Remove everything; this can be undone. */
  clear() {
    this.done.push({ tool: "clear", points: [] });
    this.redraw();
  }

  /** Return true if nothing is marked. */
  isEmpty() {
    return !this.#alpha().some((_, index, data) => index % 4 === 3 && data[index] >= THRESHOLD);
  }

  /** Return the mask as a PNG data URI of this size: white on black, without gray. */
  toDataUri(width, height) {
    const copy = new OffscreenCanvas(width, height);
    const context = copy.getContext("2d");
    context.drawImage(this.canvas, 0, 0, width, height);
    const image = context.getImageData(0, 0, width, height);
    for (let at = 0; at < image.data.length; at += 4) {
      image.data.fill(image.data[at + 3] >= THRESHOLD ? 255 : 0, at, at + 3);
      image.data[at + 3] = 255;
    }
    const target = document.createElement("canvas");
    Object.assign(target, { width, height });
    target.getContext("2d").putImageData(image, 0, 0);
    return target.toDataURL("image/png");
  }

  redraw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.base) this.context.drawImage(this.base, 0, 0);
    for (const stroke of this.done) this.#draw(stroke);
  }

  #alpha() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height).data;
  }

  /** Draw the oldest stroke into a picture of its own, so that undoing stays fast. */
  #merge() {
    const base = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const context = this.context;
    this.context = base.getContext("2d");
    if (this.base) this.context.drawImage(this.base, 0, 0);
    this.#draw(this.done.shift());
    this.context = context;
    this.base = base;
  }

  #draw(stroke) {
    if (stroke.tool === "clear") this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    else if (stroke.tool === "lasso") this.#fill(stroke.points);
    else stroke.points.forEach((_, index) => this.#drawSegment(stroke, index));
  }

  #fill(points) {
    this.context.beginPath();
    for (const { x, y } of points) this.context.lineTo(x, y);
    this.context.fill();
  }

  #drawSegment({ tool, points }, index) {
    const to = points[index], from = points[index - 1] ?? to;
    this.context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
    Object.assign(this.context, { lineCap: "round", lineWidth: tool === "lasso" ? 1 : to.size });
    this.context.beginPath();
    this.context.moveTo(from.x, from.y);
    this.context.lineTo(to.x + 0.01, to.y);
    this.context.stroke();
    this.context.globalCompositeOperation = "source-over";
  }
}
