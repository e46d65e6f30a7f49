// Where each event of a case came from, and the rule its state rests on: read from Kafka when asked for, since that reads whole topics.

import { lines } from "./api.js";
import { el } from "./dom.js";
import { NOTHING } from "./format.js";

const WAYS = { "case-closed": "办结", "archive-received": "归档" };

export class Evidence {
  constructor(caseNo) {
    this.caseNo = caseNo;
    this.bar = el("progress", { hidden: true, max: "1", "aria-label": "读取进度" });
    this.button = el("button", { type: "button", text: "从 Kafka 读取", onclick: () => this.read() });
    this.found = el("div", { "aria-live": "polite" });
    this.stop = new AbortController();
    this.element = el("article", { class: "card evidence", "aria-labelledby": "evidence" },
      el("header", {}, el("h3", { id: "evidence", text: "每个事件的来处与依据" })),
      el("p", { class: "description", text: `与 guidang explain ${caseNo} 相同：通读输入主题，列出这件办件的每个事件在哪个主题、分区与位点，判定所依据的规则与条款。数据多时需要几分钟。` }),
      this.button, this.bar, this.found);
  }

  async read() {
    this.button.disabled = true;
    this.bar.hidden = false;
    try {
      for await (const line of lines("/api/timeline", new URLSearchParams({ case: this.caseNo }), this.stop.signal)) {
        if ("found" in line) this.show(line.found);
        else if (line.error) throw new Error(line.error);
        else if (line.total) [this.bar.max, this.bar.value] = [line.total, line.done];
      }
    } catch (error) {
      if (error.name !== "AbortError") this.found.replaceChildren(el("p", { class: "fault", text: error.message }));
    }
    this.bar.hidden = true;
    this.button.disabled = false;
    this.button.textContent = "重新读取";
  }

  show(found) {
    if (!found) return this.found.replaceChildren(el("p", { class: "empty", text: `没有办件 ${this.caseNo} 的任何记录。` }));
    const events = found.events.map(({ time, origin, event, not_taken: refused }) => el("li", {},
      el("time", { text: time ?? NOTHING }), el("b", { text: refused ? `未采用：${refused}` : WAYS[origin.topic] ?? origin.topic }), el("code", { text: `${origin.topic}/${origin.partition}@${origin.offset}` }),
      event ? el("details", {}, el("summary", { text: "全部字段" }), fields(event)) : null));
    const dead = found.dead_letters.map((letter) => el("li", { class: "fault" }, el("b", { text: `死信：${letter["guidang-reason"]}` }), el("code", { text: `dead-letter/${letter.partition}@${letter.offset}` }), el("span", { text: letter["guidang-detail"] ?? "" })));
    const anomalies = found.anomalies.map((one) => el("li", {}, el("time", { text: one.since ?? NOTHING }), el("b", { text: `${one.label} ${one.state === "OPENED" ? "打开" : "解除"}` }), el("span", { text: one.clause })));
    this.found.replaceChildren(
      found.rule ? el("dl", { class: "rule" }, el("dt", { text: "规则" }), el("dd", { text: found.rule.text }), el("dt", { text: "依据" }), el("dd", { text: found.rule.clause || NOTHING })) : "",
      el("h4", { text: "事件" }), el("ol", { class: "events", role: "list" }, events, dead),
      ...(anomalies.length ? [el("h4", { text: "异常" }), el("ol", { class: "events", role: "list" }, anomalies)] : []),
      ...(found.state ? [el("details", {}, el("summary", { text: "状态的全部字段" }), fields(found.state))] : []));
  }

  close() {
    this.stop.abort();
  }
}

function fields(record) {
  const told = Object.entries(record).filter(([, value]) => value !== "" && value !== null && !(Array.isArray(value) && !value.length));
  return el("dl", { class: "fields" }, told.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: typeof value === "object" ? JSON.stringify(value) : String(value) })]));
}
