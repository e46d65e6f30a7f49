// What ECharts draws: lines over time, and columns for a few short steps. Its tooltips are elements of ours: no text is parsed as HTML.

import { columnsOf, joined } from "./answers.js";
import { el } from "./dom.js";
import { day, instant, onAxis, shifted, shown, time } from "./format.js";
import { legend } from "./legend.js";

const FEW_MARKS = 12;
const DAY_MS = 86_400_000;
const { echarts } = window;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const palette = () => Array.from({ length: 8 }, (_, index) => colour(`--s${index}`));

class Chart {
  constructor(panel, context) {
    this.panel = panel;
    this.context = context;
    this.hidden = new Set();
    this.legend = el("div");
    this.canvas = el("div", { class: "canvas", role: "img" });
    this.element = el("div", { class: "chart" }, this.legend, this.canvas);
    this.sizes = new ResizeObserver(() => this.chart?.resize());
    this.sizes.observe(this.canvas);
  }

  draw(tables, marks) {
    this.tables = tables;
    this.marks = marks;
    this.chart ??= echarts.init(this.canvas, null, { renderer: "canvas" });
    this.chart.setOption({ animation: false, ...this.option() }, { notMerge: true });
    this.canvas.setAttribute("aria-label", `${this.panel.title}：${this.summary()}。“表”按钮给出全部数字。`);
  }

  showLegend(names) {
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const toggle = (name) => {
      if (!this.hidden.delete(name)) this.hidden.add(name);
      this.draw(this.tables, this.marks);
    };
    this.legend.replaceChildren(legend(names, this.hidden, toggle));
    if (focused) this.legend.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  base() {
    const text = { color: colour("--quiet"), fontFamily: "inherit", fontSize: 12 };
    const lines = { lineStyle: { color: colour("--rule") } };
    return {
      color: palette(),
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 14, bottom: 4, containLabel: true },
      valueAxis: { type: "value", axisLabel: { ...text, formatter: (value) => onAxis(value, this.unit) }, splitLine: lines, splitNumber: 4 },
      baseAxis: { axisLabel: { ...text, hideOverlap: true }, axisLine: lines, axisTick: { show: false } },
      tooltip: {
        trigger: "axis",
        confine: true,
        className: "tip",
        padding: 0,
        borderWidth: 0,
        backgroundColor: "transparent",
        axisPointer: { type: "line", lineStyle: { color: colour("--quiet"), type: "dashed" } },
      },
    };
  }

  tip(title, lines, notes = []) {
    return el("div", {}, el("b", { text: title }),
      el("table", {}, lines.map(({ index, name, text }) => el("tr", {}, el("td", {}, el("i", { "data-series": index % 8 }), name), el("td", { text })))),
      notes.map((note) => el("p", { text: note })));
  }

  close() {
    this.sizes.disconnect();
    this.chart?.dispose();
  }
}

export class LineDrawing extends Chart {
  option() {
    const tables = joined(this.tables);
    const [table] = tables;
    const at = table.columns.indexOf("time");
    const columns = columnsOf(this.panel, tables);
    this.unit = columns[0]?.unit ?? "";
    this.series = columns.map((column) => ({ ...column, points: table.rows.map((row) => [shifted(row[at]), row[column.at]]) }));
    if (this.series.length > 1) this.showLegend(this.series.map((one) => one.title));
    const { baseAxis, valueAxis, tooltip, ...base } = this.base();
    const step = table.rows.length > 1 ? table.rows[1][at] - table.rows[0][at] : DAY_MS;
    const [from, to] = this.context.range();
    return {
      ...base,
      useUTC: true,
      xAxis: { ...baseAxis, type: "time", min: shifted(from), max: shifted(to), axisLabel: { ...baseAxis.axisLabel, formatter: (value) => axisTime(value, to - from) }, splitLine: { show: false } },
      yAxis: { ...valueAxis, ...(this.unit === "ratio" ? this.ratioAxis() : {}) },
      tooltip: { ...tooltip, formatter: (found) => this.tell(found, step) },
      series: this.series.map((one, index) => ({
        type: "line",
        name: one.title,
        data: this.hidden.has(one.title) ? [] : one.points,
        stack: this.panel.stacked ? "all" : null,
        symbol: table.rows.length > 1 ? "none" : "circle",
        lineStyle: { width: table.rows.length > 120 ? 1.4 : 2 },
        areaStyle: this.panel.stacked ? { opacity: 0.35 } : this.series.length === 1 ? { opacity: 0.12 } : null,
        connectNulls: this.unit === "ratio",
        sampling: "lttb",
        markLine: index === 0 ? this.markLines() : null,
      })),
    };
  }

  // From a round share below the least to the whole, which is a line of its own; above it only what may be above.
  ratioAxis() {
    const values = this.series.flatMap((one) => (this.hidden.has(one.title) ? [] : one.points.map(([, value]) => value))).filter((value) => value !== null);
    const least = Math.min(1, ...values);
    const interval = least >= 0.8 ? 0.05 : least >= 0.5 ? 0.1 : 0.25;
    return { min: Math.floor(least / interval + 1e-9) * interval, max: Math.max(1, ...values) > 1 ? null : 1, interval };
  }

  markLines() {
    const few = this.marks.filter((kind) => kind.marks.length <= FEW_MARKS).flatMap((kind) => kind.marks);
    return { silent: true, symbol: ["none", "none"], label: { show: false }, lineStyle: { color: colour("--quiet"), type: "dotted", width: 1 }, data: few.map((mark) => ({ xAxis: shifted(mark.at) })) };
  }

  tell(found, step) {
    if (!found.length) return "";
    const at = found[0].axisValue - shifted(0);
    const lines = found.map((one) => ({ index: one.seriesIndex, name: one.seriesName, text: shown(one.value[1], this.series[one.seriesIndex].unit) }));
    const notes = this.marks.flatMap((kind) => kind.marks.filter((mark) => mark.at >= at && mark.at < at + step).map((mark) => `${kind.title}：${mark.title}`));
    return this.tip(instant(at), lines, notes.slice(0, 4));
  }

  summary() {
    return this.series.map((one) => {
      const values = one.points.map(([, value]) => value).filter((value) => value !== null);
      if (!values.length) return `${one.title}没有数据`;
      const [low, high, last] = [Math.min(...values), Math.max(...values), values.at(-1)].map((value) => shown(value, one.unit));
      return `${one.title}最低 ${low}、最高 ${high}、最近 ${last}`;
    }).join("；");
  }
}

function axisTime(value, span) {
  const ms = value - shifted(0);
  if (span > 2 * DAY_MS) return day(ms).slice(5) === "01-01" ? day(ms).slice(0, 4) : day(ms).slice(5);
  return value % DAY_MS === 0 ? day(ms).slice(5) : time(ms).slice(0, 5);
}

export class ColumnsDrawing extends Chart {
  option() {
    const [table] = this.tables;
    const [name, ...figures] = columnsOf(this.panel, this.tables);
    this.unit = figures[0].unit;
    this.names = table.rows.map((row) => shown(row[name.at]));
    this.figures = figures.map((column) => ({ ...column, values: table.rows.map((row) => row[column.at]) }));
    if (figures.length > 1) this.showLegend(figures.map((column) => column.title));
    const { baseAxis, valueAxis, tooltip, ...base } = this.base();
    const label = { show: true, position: "top", color: colour("--ink"), formatter: (at) => (at.value ? shown(at.value, this.figures[at.seriesIndex].unit) : "") };
    return {
      ...base,
      grid: { ...base.grid, top: 26 },
      xAxis: { ...baseAxis, type: "category", data: this.names, axisLabel: { ...baseAxis.axisLabel, interval: 0, hideOverlap: false } },
      yAxis: valueAxis,
      tooltip: { ...tooltip, axisPointer: { type: "shadow" }, formatter: (found) => this.tip(found[0].axisValue, found.map((one) => ({ index: one.seriesIndex, name: one.seriesName, text: shown(one.value, this.figures[one.seriesIndex].unit) }))) },
      series: this.figures.map((column) => ({
        type: "bar",
        name: column.title,
        stack: this.panel.stacked ? "all" : null,
        data: this.hidden.has(column.title) ? [] : column.values,
        barMaxWidth: 44,
        label: this.panel.stacked ? { show: false } : label,
        itemStyle: { borderRadius: this.panel.stacked ? 0 : [3, 3, 0, 0] },
      })),
    };
  }

  summary() {
    return this.names.map((name, row) => `${name} ${this.figures.map((column) => (this.figures.length > 1 ? column.title : "") + shown(column.values[row], column.unit)).join("、")}`).join("；");
  }
}
