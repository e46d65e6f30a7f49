// What happened, in order; and states over time, a strip for each series.

import { columnsOf, joined, valueOf } from "./answers.js";
import { el } from "./dom.js";
import { duration, iso, moment, shown } from "./format.js";

export class EventsDrawing {
  constructor(panel) {
    this.element = el("ol", { class: "events", tabindex: "0", role: "list", "aria-label": panel.title });
  }

  draw([table]) {
    let before = null;
    this.element.replaceChildren(...table.rows.map((row) => {
      const at = valueOf(table, row, "time");
      const since = before === null || at === before ? null : el("span", { class: "since", text: `＋${duration((at - before) / 1000)}` });
      before = at;
      return el("li", {}, el("time", { datetime: iso(at), text: moment(at) }), since, el("b", { text: valueOf(table, row, "what") }), el("span", { text: valueOf(table, row, "detail") || "" }));
    }));
  }
}

export class StripsDrawing {
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.element = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": panel.title });
  }

  draw(tables) {
    const all = joined(tables);
    const [table] = all;
    const [from, to] = this.context.range();
    const at = table.columns.indexOf("time");
    const step = table.rows.length > 1 ? table.rows[1][at] - table.rows[0][at] : 60_000;
    this.element.replaceChildren(el("ul", { class: "strip-list", role: "list" }, columnsOf(this.panel, all).map((column) => {
      const runs = [];
      for (const row of table.rows) {
        if (!row[column.at]) continue;
        const last = runs.at(-1);
        if (last && row[at] - last.end <= step) last.end = row[at] + step;
        else runs.push({ begin: row[at], end: row[at] + step });
      }
      const pieces = runs.map((run) => {
        const piece = el("i", { title: `${moment(run.begin)} 至 ${moment(Math.min(run.end, to))}` });
        piece.style.setProperty("--from", `${((run.begin - from) / (to - from)) * 100}%`);
        piece.style.setProperty("--part", `${((Math.min(run.end, to) - run.begin) / (to - from)) * 100}%`);
        return piece;
      });
      const whole = runs.reduce((sum, run) => sum + Math.min(run.end, to) - run.begin, 0) / 1000;
      return el("li", {}, el("span", { class: "name", text: column.title }), el("span", { class: "track", "aria-hidden": "true" }, pieces), el("span", { class: "value", text: `${runs.length} 次，共 ${shown(whole, "seconds")}` }));
    })));
  }
}
