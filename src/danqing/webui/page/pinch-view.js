// Enlarges and moves an element with two fingers, or with the wheel and the Ctrl key.

const MAX_SCALE = 8;

/** Applies a transform to `sheet` for the gestures on `stage`. One finger is left to the sheet itself. */
export class PinchView {
  constructor(stage, sheet) {
    Object.assign(this, { sheet, scale: 1, x: 0, y: 0, pointers: new Map() });
    stage.addEventListener("pointerdown", (event) => { if (event.pointerType === "touch") this.#set(event); }, true);
    stage.addEventListener("pointermove", (event) => { if (this.pointers.has(event.pointerId)) this.#move(event); }, true);
    for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, (event) => this.pointers.delete(event.pointerId), true);
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** Return true while two fingers touch. */
  isPinching() {
    return this.pointers.size > 1;
  }

  #set({ pointerId, clientX, clientY }) {
    this.pointers.set(pointerId, { x: clientX, y: clientY });
  }

  #move(event) {
    const before = this.#span();
    this.#set(event);
    if (this.pointers.size !== 2) return;
    const after = this.#span();
    this.#zoom(after.length / before.length, after, { x: after.x - before.x, y: after.y - before.y });
  }

  /** Return the middle and the distance of two fingers. */
  #span() {
    const [one, two = one] = [...this.pointers.values()];
    return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, length: Math.max(1, Math.hypot(one.x - two.x, one.y - two.y)) };
  }

  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY / 300), { x: event.clientX, y: event.clientY }, { x: 0, y: 0 });
  }

  /** Enlarge around a point of the screen, and move. */
  #zoom(factor, { x, y }, moved) {
    const scale = Math.min(MAX_SCALE, Math.max(1, this.scale * factor)), ratio = scale / this.scale;
    const box = this.sheet.getBoundingClientRect();
    const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    this.x = scale === 1 ? 0 : this.x + (1 - ratio) * (x - middle.x) + moved.x;
    this.y = scale === 1 ? 0 : this.y + (1 - ratio) * (y - middle.y) + moved.y;
    this.scale = scale;
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${scale})`;
  }
}
