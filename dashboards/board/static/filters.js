// Variables, time range and case search. A choice sets the address; what no longer belongs to it is cleared.

import { ask } from "./api.js";
import { Combobox } from "./combobox.js";
import { el, newId } from "./dom.js";
import { shown } from "./format.js";
import { queryOf } from "./state.js";

const RANGES = {
  hours: [["1h", "最近 1 小时"], ["6h", "最近 6 小时"], ["24h", "最近 24 小时"], ["7d", "最近 7 天"], ["30d", "最近 30 天"]],
  year: [["24h", "最近 24 小时"], ["7d", "最近 7 天"], ["30d", "最近 30 天"], ["ytd", "今年至今"]],
};
const CUSTOM = "custom";
const STATUSES = { ARCHIVED: "已归档", ARCHIVED_LATE: "逾期归档", AWAITING: "待归档", UNARCHIVED: "到期未归档", EXCLUDED: "不计入", ORPHAN: "孤立归档", NOT_CLOSED: "未办结" };
const WAIT_MS = 200;

export class Filters {
  // go(change) is called with the parts of the state that change.
  constructor(dashboard, state, go, caseUid) {
    Object.assign(this, { dashboard, state, go });
    this.boxes = new Map();
    const chosen = dashboard.variables.filter((variable) => !variable.free);
    for (const variable of chosen) this.boxes.set(variable.name, this.variable(variable));
    this.case = caseUid ? this.search(caseUid) : null;
    this.element = el("div", { class: "filters" }, [...this.boxes.values()].map((box) => box.element), this.range(), this.case?.element);
    this.show(state);
  }

  variable(variable) {
    return new Combobox({
      label: variable.title,
      everything: "全部",
      load: async (text) => (await this.options(variable.name)).filter((option) => option.label.toLowerCase().includes(text.trim().toLowerCase())),
      choose: (value) => this.choose(variable.name, value),
    });
  }

  async options(name) {
    const table = await ask(`/api/options/${encodeURIComponent(this.dashboard.uid)}/${name}`, queryOf(this.before(name)));
    const [value, label] = ["value", "label"].map((column) => table.columns.indexOf(column));
    return table.rows.map((row) => ({ value: String(row[value]), label: String(row[label]) }));
  }

  // The state with only the variables before one: its options depend on those.
  before(name) {
    const names = this.dashboard.variables.map((variable) => variable.name);
    const kept = names.slice(0, names.indexOf(name)).map((one) => [one, this.state.variables[one]]);
    return { ...this.state, variables: Object.fromEntries(kept) };
  }

  // Variables after the changed one stay if they are still among their options.
  async choose(name, value) {
    const names = this.dashboard.variables.filter((variable) => !variable.free).map((variable) => variable.name);
    const variables = { ...this.state.variables, [name]: value };
    this.state = { ...this.state, variables };
    for (const later of names.slice(names.indexOf(name) + 1)) {
      if (!variables[later]) continue;
      const options = await this.options(later).catch(() => null);
      if (options && !options.some((option) => option.value === variables[later])) variables[later] = "";
    }
    this.go({ variables });
  }

  search(caseUid) {
    const load = async (text) => {
      const begun = text.trim();
      if (!begun) return [];
      await new Promise((later) => setTimeout(later, WAIT_MS));
      if (begun !== this.case.input.value.trim()) return [];
      const found = await ask("/api/cases", new URLSearchParams({ case: begun }).toString());
      return found.rows.map(([number, status, unit, item, closed]) => ({ value: number, label: number, detail: [STATUSES[status] ?? status, unit, item, closed && shown(closed, "time")].filter(Boolean).join(" · ") }));
    };
    const box = new Combobox({ label: "查办件", everything: "办件号", free: true, load, choose: (value) => this.go({ uid: value ? caseUid : this.state.uid, variables: { ...this.state.variables, case: value } }) });
    box.element.classList.add("case");
    return box;
  }

  range() {
    const id = newId("range");
    const hours = this.dashboard.range.endsWith("h");
    this.select = el("select", { id, onchange: () => this.rangeChosen() }, [...RANGES[hours ? "hours" : "year"], [CUSTOM, "自定日期…"]].map(([value, text]) => el("option", { value, text })));
    const date = (label) => el("input", { type: "date", "aria-label": label, max: "2099-12-31", min: "1992-01-01", onchange: () => this.datesChosen() });
    [this.from, this.to] = [date("自"), date("至")];
    this.dates = el("div", { class: "dates", hidden: true }, this.from, el("span", { text: "至" }), this.to);
    return el("div", { class: "choice range" }, el("label", { for: id, text: "时间" }), el("div", { class: "field" }, this.select, this.dates));
  }

  rangeChosen() {
    this.dates.hidden = this.select.value !== CUSTOM;
    if (this.select.value === CUSTOM) this.from.focus();
    else this.go({ range: this.select.value === this.dashboard.range ? "" : this.select.value });
  }

  datesChosen() {
    if (this.from.value && this.to.value && this.from.value <= this.to.value) this.go({ range: `${this.from.value}..${this.to.value}` });
  }

  show(state) {
    this.state = state;
    for (const [name, box] of this.boxes) {
      const value = state.variables[name];
      box.show(value, value === box.value && box.label ? box.label : value);
      if (value && box.label === value) {
        this.options(name).then((options) => {
          const option = options.find((one) => one.value === value);
          if (option && this.state.variables[name] === value) box.show(value, option.label);
        }, () => null); // the banner says what is wrong
      }
    }
    this.case?.show(state.variables.case, state.variables.case);
    const range = state.range || this.dashboard.range;
    const known = [...this.select.options].some((option) => option.value === range);
    const dates = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(range);
    if (!known && !dates) this.select.append(el("option", { value: range, text: range }));
    this.select.value = dates ? CUSTOM : range;
    this.dates.hidden = !dates;
    if (dates) [this.from.value, this.to.value] = [dates[1], dates[2]];
  }
}
