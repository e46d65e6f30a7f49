// Tables: links, meters behind ratios, sorting that stays; drawn anew only when the answer is another.

import { columnsOf, isFigure, valueOf } from "./answers.js";
import { el, say } from "./dom.js";
import { iso, levelOf, LEVELS, NOTHING, shown } from "./format.js";

const FIRST_ROWS = 100;
const LONG = 12; // texts above may be broken into lines

export class TableDrawing {
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.sorted = null; // { name, down }
    this.everything = false;
    this.body = el("tbody");
    this.head = el("thead");
    this.more = el("button", { type: "button", class: "more", hidden: true, onclick: () => { this.everything = true; this.fill(); } });
    this.element = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": panel.title },
      el("table", {}, el("caption", { class: "unseen", text: panel.title }), this.head, this.body), this.more);
  }

  draw(tables) {
    [this.table] = tables;
    this.columns = columnsOf(this.panel, tables);
    if (!this.panel.columns.length && this.table.columns.includes("time")) {
      this.columns.unshift({ name: "time", title: "时间", unit: "time", link: null, at: this.table.columns.indexOf("time"), isTime: true });
    }
    this.columns = this.columns.filter((column) => column.at >= 0);
    for (const column of this.columns) {
      column.figure = isFigure(column, this.table);
      column.long = this.table.rows.some((row) => String(row[column.at] ?? "").length > LONG);
      column.meter = column.figure && column.unit === "ratio" && this.table.rows.every((row) => (row[column.at] ?? 0) >= 0);
    }
    this.fillHead();
    this.fill();
  }

  fillHead() {
    const cells = this.columns.map((column) => {
      const down = this.sorted?.name === column.name ? this.sorted.down : null;
      const button = el("button", { type: "button", onclick: () => this.sort(column), "data-column": column.name }, column.title,
        el("span", { class: "arrow", "aria-hidden": "true", text: down === null ? "" : down ? "▼" : "▲" }));
      return el("th", { scope: "col", class: column.figure ? "figure" : null, "aria-sort": down === null ? null : down ? "descending" : "ascending" }, button);
    });
    const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.column : null;
    this.head.replaceChildren(el("tr", {}, cells));
    if (focused) this.head.querySelector(`[data-column="${CSS.escape(focused)}"]`)?.focus();
  }

  sort(column) {
    const down = this.sorted?.name === column.name ? !this.sorted.down : column.figure;
    this.sorted = { name: column.name, down };
    this.fillHead();
    this.fill();
    say(`已按${column.title}${down ? "从大到小" : "从小到大"}排列`);
  }

  rows() {
    const column = this.columns.find((one) => one.name === this.sorted?.name);
    if (!column) return this.table.rows;
    const sign = this.sorted.down ? -1 : 1;
    return [...this.table.rows].sort((a, b) => {
      const [x, y] = [a[column.at], b[column.at]];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "zh-CN"));
    });
  }

  fill() {
    const rows = this.rows();
    const visible = this.everything ? rows : rows.slice(0, FIRST_ROWS);
    this.body.replaceChildren(...visible.map((row) => el("tr", {}, this.columns.map((column, index) => this.cell(column, row, index)))));
    this.more.hidden = visible.length === rows.length;
    this.more.textContent = `显示全部 ${rows.length} 行${this.table.cut ? "（还有更多，已截去）" : ""}`;
  }

  cell(column, row, index) {
    const value = row[column.at];
    const text = shown(value, column.unit, column.isTime);
    const address = column.link && this.context.linkTo(column.link, (key) => valueOf(this.table, row, key));
    const inner = address ? el("a", { href: address, text: text === NOTHING ? String(valueOf(this.table, row, column.link.set[0][1])) : text }) : column.isTime && value !== null ? el("time", { datetime: iso(value), text }) : text;
    const cell = el(index === 0 ? "th" : "td", { scope: index === 0 ? "row" : null, class: column.figure ? "figure" : column.long && !column.isTime ? "long" : null }, inner);
    const level = column.leveled ? levelOf(value, this.panel.thresholds) : null;
    if (level) cell.dataset.level = level;
    if (level && level !== "good") cell.append(el("span", { class: "unseen", text: LEVELS[level] }));
    if (column.meter && typeof value === "number") {
      cell.classList.add("meter");
      cell.style.setProperty("--part", `${Math.min(value, 1) * 100}%`);
    }
    return cell;
  }
}
