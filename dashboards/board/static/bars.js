// Bars that are elements: long names wrap, names are links, and everything is there for the keyboard and for those who listen.

import { columnsOf, valueOf } from "./answers.js";
import { el } from "./dom.js";
import { levelOf, LEVELS, shown } from "./format.js";
import { legend } from "./legend.js";

export class BarsDrawing {
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.list = el("ul", { class: "bar-list", role: "list" });
    this.legend = el("div");
    this.element = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": panel.title }, this.legend, this.list);
  }

  draw(tables) {
    const [table] = tables;
    const [name, ...figures] = columnsOf(this.panel, tables);
    const drawn = figures.filter((column) => column.unit === figures[0].unit);
    const told = figures.filter((column) => column.unit !== figures[0].unit);
    const sizes = table.rows.map((row) => drawn.map((column) => Math.max(row[column.at] ?? 0, 0)));
    const reach = (row) => (this.panel.stacked ? row.reduce((sum, size) => sum + size, 0) : Math.max(...row));
    const most = Math.max(...sizes.map(reach), figures[0].unit === "ratio" ? 1 : 0) || 1;
    this.legend.replaceChildren(...(drawn.length > 1 ? [legend(drawn.map((column) => column.title))] : []));
    this.list.classList.toggle("stacked", this.panel.stacked);
    this.list.replaceChildren(...table.rows.map((row, index) => {
      const address = name.link && this.context.linkTo(name.link, (key) => valueOf(table, row, key));
      const text = shown(row[name.at]);
      const level = levelOf(row[drawn[0].at], this.panel.thresholds);
      const pieces = drawn.map((column, series) => {
        const piece = el("i", { "data-series": series, "data-level": drawn.length === 1 ? level : null });
        piece.style.setProperty("--part", `${(sizes[index][series] / most) * 100}%`);
        return piece;
      });
      const figuresText = [...drawn, ...told].map((column) => (figures.length > 1 ? `${column.title} ` : "") + shown(row[column.at], column.unit, column.isTime));
      return el("li", {},
        el("span", { class: "name" }, address ? el("a", { href: address, text }) : text),
        el("span", { class: "track", "aria-hidden": "true" }, pieces),
        el("span", { class: "value" }, figuresText.join("，"), level && level !== "good" ? el("span", { class: "unseen", text: `（${LEVELS[level]}）` }) : null));
    }));
  }
}
