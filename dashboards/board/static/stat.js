// One row of figures, each large, with its level in colour and in a word.

import { columnsOf } from "./answers.js";
import { el } from "./dom.js";
import { iso, levelOf, LEVELS, shown } from "./format.js";

export class StatDrawing {
  constructor(panel) {
    this.panel = panel;
    this.element = el("dl", { class: "stats" });
  }

  draw(tables) {
    const columns = columnsOf(this.panel, tables);
    this.element.replaceChildren(...columns.map((column) => this.tile(column, tables[0].rows[0]?.[column.at])));
  }

  tile(column, value) {
    const level = column.leveled ? levelOf(value, this.panel.thresholds) : null;
    const text = shown(value, column.unit, column.isTime);
    const figure = column.isTime && value ? el("time", { datetime: iso(value), text }) : text;
    const word = level ? el("span", { class: "level", text: LEVELS[level] }) : null;
    const meter = this.panel.drawing === "gauge" || column.unit === "ratio" ? this.meter(column, value, text) : null;
    return el("div", { class: "stat", "data-level": level }, el("dt", { text: column.title }), el("dd", {}, figure, word), meter);
  }

  meter(column, value, text) {
    if (typeof value !== "number") return null;
    const most = column.unit === "ratio" ? 1 : column.unit === "points" ? 100 : Math.max(value, ...this.panel.thresholds.map((one) => one.value));
    const meter = el("div", { class: "gauge", role: "meter", "aria-label": column.title, "aria-valuemin": "0", "aria-valuemax": String(most), "aria-valuenow": String(value), "aria-valuetext": text });
    meter.style.setProperty("--part", `${Math.max(0, Math.min(value / most, 1)) * 100}%`);
    return el("dd", { class: "under" }, meter);
  }
}
