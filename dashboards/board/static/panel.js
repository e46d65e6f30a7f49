// The frame of a picture: heading, description, picture or table, and what went wrong. Old figures stay, greyed, until new ones come.

import { BarsDrawing } from "./bars.js";
import { ColumnsDrawing, LineDrawing } from "./chart.js";
import { el, newId } from "./dom.js";
import { StatDrawing } from "./stat.js";
import { TableDrawing } from "./table.js";
import { EventsDrawing, StripsDrawing } from "./timeline.js";
import { joined } from "./answers.js";

const FEW = 12;
const SHORT = 8;
const NO_CASE = "先在上方查办件号，或点表中的办件号。";
const EMPTY = "所选范围内没有数据。";

export class PanelView {
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.asTable = false;
    const id = newId("panel");
    this.description = el("p", { class: "description", id: `${id}-text`, text: panel.description, hidden: true });
    this.about = el("button", { type: "button", class: "icon", "aria-expanded": "false", "aria-controls": `${id}-text`, "aria-label": `${panel.title}：说明`, text: "?", onclick: () => this.toggleDescription() });
    this.switch = el("button", { type: "button", class: "icon", "aria-pressed": "false", "aria-label": `${panel.title}：以表格显示`, text: "表", hidden: ["table", "stat", "gauge"].includes(panel.drawing), onclick: () => this.toggleTable() });
    this.body = el("div", { class: "body" }, el("p", { class: "empty", text: "…" }));
    this.fault = el("p", { class: "fault", hidden: true });
    this.element = el("article", { class: `card ${panel.drawing}`, "aria-labelledby": id, "data-key": panel.key },
      el("header", {}, el("h3", { id, text: panel.title }), this.switch, this.about), this.description, this.fault, this.body);
    this.element.style.setProperty("--columns", String(panel.width));
    this.element.style.setProperty("--rows", String(panel.height));
  }

  get asks() {
    return !this.panel.asks_case || Boolean(this.context.state().variables.case);
  }

  answered(answer, marks) {
    this.element.classList.remove("stale", "waiting");
    this.fault.hidden = true;
    this.now = answer.now_ms;
    const known = JSON.stringify([answer.tables, answer.from_ms, marks, this.asTable]);
    if (known === this.known) return;
    this.known = known;
    this.answer = answer;
    this.marks = marks;
    this.redraw();
  }

  redraw() {
    if (!this.answer) return;
    const { tables } = this.answer;
    if (tables.every((table) => table.rows.length === 0)) return this.tell(EMPTY);
    const kind = this.asTable ? TableDrawing : this.kind(tables);
    if (!(this.drawing instanceof kind)) {
      this.drawing?.close?.();
      this.drawing = new kind(this.panel, { ...this.context, range: () => [this.answer.from_ms, this.answer.to_ms] });
      this.body.replaceChildren(this.drawing.element);
    }
    this.drawing.draw(this.asTable ? joined(tables) : tables, this.marks);
  }

  kind([table]) {
    const { drawing, columns, source } = this.panel;
    if (drawing === "line") return LineDrawing;
    if (drawing === "timeline") return source === "pipeline" ? StripsDrawing : EventsDrawing;
    if (drawing === "table") return TableDrawing;
    if (drawing !== "bars") return StatDrawing;
    const at = table.columns.indexOf(columns[0].name);
    const isShort = table.rows.length <= FEW && table.rows.every((row) => String(row[at]).length <= SHORT);
    return isShort && !columns[0].link && columns.every((column, index) => index < 2 || column.unit === columns[1].unit) ? ColumnsDrawing : BarsDrawing;
  }

  failed(error) {
    this.element.classList.remove("waiting");
    this.element.classList.toggle("stale", Boolean(this.answer));
    this.fault.hidden = Boolean(this.answer); // with old figures the banner says it
    this.fault.textContent = error.message;
    if (!this.answer) this.body.replaceChildren();
    this.known = null;
  }

  idle() {
    this.answer = this.known = null;
    this.element.classList.remove("stale", "waiting");
    this.tell(NO_CASE);
  }

  tell(text) {
    this.drawing?.close?.();
    this.drawing = null;
    this.body.replaceChildren(el("p", { class: "empty", text }));
  }

  toggleDescription() {
    this.description.hidden = !this.description.hidden;
    this.about.setAttribute("aria-expanded", String(!this.description.hidden));
  }

  toggleTable() {
    this.asTable = !this.asTable;
    this.switch.setAttribute("aria-pressed", String(this.asTable));
    this.redraw();
  }

  close() {
    this.drawing?.close?.();
  }
}
