// Handles at the edges of a picture that extend its canvas, by dragging or with buttons.

import { make } from "./form.js";
import { tr } from "./i18n.js";

const SIDES = ["left", "top", "right", "bottom"];
const OPPOSITE = { left: "right", right: "left", top: "bottom", bottom: "top" };
const UNIT = 64;  // pixels: the canvas has to be a multiple of it
const MOST = 1024;

/** Margins of a picture of this size in pixels; `onChange` is called when they change. */
export class ExtendHandles {
  constructor(sheet, size, onChange) {
    Object.assign(this, { size, onChange, margins: { left: 0, top: 0, right: 0, bottom: 0 } });
    this.handles = new Map(SIDES.map((side) => [side, this.#handle(side)]));
    this.areas = new Map(SIDES.map((side) => [side, make("span", { className: `margin ${side}` })]));
    sheet.append(...this.areas.values(), ...this.handles.values());
  }

  /** Return the margins as a fraction of the picture: left, top, right, bottom. */
  shares() {
    return SIDES.map((side) => this.margins[side] / this.size[this.#axis(side)]);
  }

  /** Return the extension as the service reads it; empty without one. */
  text() {
    return SIDES.filter((side) => this.margins[side]).map((side) => `${side}:${this.margins[side]}`).join(",");
  }

  /** Place the margins around a picture that is shown at this width and height. */
  place(width, height) {
    const [left, top, right, bottom] = this.shares().map((share, index) => share * [width, height][index % 2]);
    this.shown = [width, height];
    const sheet = this.areas.get("left").parentElement;
    sheet.style.margin = `${top}px ${right}px ${bottom}px ${left}px`;
    for (const [side, amount] of [["left", left], ["top", top], ["right", right], ["bottom", bottom]]) {
      this.areas.get(side).style[this.#axis(side) ? "height" : "width"] = `${amount}px`;
      this.handles.get(side).style[side] = `${-amount - 10}px`;
      this.handles.get(side).setAttribute("aria-valuenow", String(this.margins[side]));
    }
    // The corners belong to the margins above and below.
    for (const side of ["top", "bottom"]) Object.assign(this.areas.get(side).style, { left: `${-left}px`, right: `${-right}px` });
  }

  /** Return buttons that extend each side by one unit, for those who do not drag. */
  buttons() {
    const buttons = SIDES.map((side) => make("button", { type: "button", textContent: tr(side), onclick: () => this.#snap(side, this.margins[side] + UNIT) }));
    const none = make("button", { type: "button", textContent: tr("noExtension"), onclick: () => SIDES.forEach((side) => this.#set(side, 0)) });
    return make("p", { className: "row", role: "group" }, ...buttons, none);
  }

  #axis(side) {
    return side === "top" || side === "bottom" ? 1 : 0;
  }

  /** Set a margin to the nearest width that makes the canvas a multiple of the unit. */
  #snap(side, pixels) {
    const axis = this.#axis(side), rest = this.size[axis] + this.margins[OPPOSITE[side]];
    this.#set(side, Math.round((rest + pixels) / UNIT) * UNIT - rest);
  }

  #set(side, pixels) {
    this.margins[side] = Math.max(0, Math.min(MOST, Math.round(pixels)));
    this.onChange();
  }

  #handle(side) {
    const handle = make("button", { type: "button", className: `handle ${side}`, role: "slider" });
    handle.setAttribute("aria-label", tr("extendSide", tr(side)));
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", String(MOST));
    const axis = this.#axis(side), sign = side === "left" || side === "top" ? -1 : 1;
    handle.onpointerdown = (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
      this.drag = { from: axis ? event.clientY : event.clientX, margin: this.margins[side], scale: this.size[axis] / this.shown[axis] };
    };
    handle.onpointermove = (event) => {
      if (!this.drag) return;
      const moved = ((axis ? event.clientY : event.clientX) - this.drag.from) * sign * this.drag.scale;
      this.#snap(side, this.drag.margin + moved);
    };
    handle.onpointerup = handle.onpointercancel = () => { this.drag = null; };
    handle.onkeydown = (event) => {
      const outwards = { left: "ArrowLeft", top: "ArrowUp", right: "ArrowRight", bottom: "ArrowDown" }[side];
      const inwards = { left: "ArrowRight", top: "ArrowDown", right: "ArrowLeft", bottom: "ArrowUp" }[side];
      if (event.key === outwards) this.#snap(side, this.margins[side] + UNIT);
      else if (event.key === inwards) this.#snap(side, this.margins[side] - UNIT);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    return handle;
  }
}
