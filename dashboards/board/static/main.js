// One page: what the address says is shown, and asked again every 15 seconds while somebody looks.

import { ask, Unavailable } from "./api.js";
import { el, newId, say } from "./dom.js";
import { Evidence } from "./evidence.js";
import { Filters } from "./filters.js";
import { time, day } from "./format.js";
import { PanelView } from "./panel.js";
import { addressOf, addressOfLink, queryOf, readState } from "./state.js";

const EVERY_MS = 15_000;
const AGAIN_MS = 4_000; // while something does not answer
const SLOW_MS = 400;
const LONGEST = 200;
const page = Object.fromEntries(["nav", "clock", "pause", "banner", "filters", "main"].map((id) => [id, document.getElementById(id)]));

let dashboards = [];
let view = null;
let paused = false;
let timer = 0;
let fresh = null; // when the last good answer came, by the job's clock

class View {
  constructor(dashboard, state) {
    this.dashboard = dashboard;
    this.state = state;
    this.asking = null;
    this.marks = [];
    const context = { state: () => this.state, linkTo: (link, valueOf) => addressOfLink(this.state, link, valueOf) };
    this.heading = el("h1", { tabindex: "-1", text: dashboard.title });
    this.panels = [];
    const sections = dashboard.sections.map((section) => {
      const id = newId("section");
      const panels = section.panels.map((panel) => new PanelView(panel, context));
      this.panels.push(...panels);
      return el("section", { "aria-labelledby": id }, el("h2", { id, text: section.title }), el("div", { class: "grid" }, panels.map((panel) => panel.element)));
    });
    this.evidencePlace = el("div", { class: "grid" });
    this.panels.findLast((panel) => panel.panel.asks_case)?.element.parentElement.after(this.evidencePlace);
    page.main.setAttribute("aria-busy", "true");
    page.main.replaceChildren(el("div", { class: "head" }, this.heading, el("p", { text: dashboard.description })), ...sections);
    const caseUid = dashboards.find((one) => one.variables.some((variable) => variable.name === "case"))?.uid;
    this.filters = new Filters(dashboard, state, (change) => go({ ...this.state, ...change }), caseUid);
    page.filters.replaceChildren(this.filters.element);
    this.showEvidence();
  }

  to(state) {
    const other = state.variables.case !== this.state.variables.case;
    this.state = state;
    this.filters.show(state);
    if (other) this.showEvidence();
    page.main.setAttribute("aria-busy", "true");
    return this.ask();
  }

  showEvidence() {
    const caseNo = this.state.variables.case;
    const wanted = caseNo && this.panels.some((panel) => panel.panel.asks_case);
    this.evidence?.close();
    this.evidence = wanted ? new Evidence(caseNo) : null;
    this.evidencePlace.replaceChildren(...(wanted ? [this.evidence.element] : []));
  }

  toCase() {
    const section = this.panels.find((panel) => panel.panel.asks_case)?.element.closest("main > section");
    const heading = section?.querySelector("h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    section?.scrollIntoView({ block: "start" });
  }

  // Asks for everything once; faults are collected for the banner.
  async ask() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const faults = new Set();
    const query = queryOf(this.state);
    const uid = encodeURIComponent(this.dashboard.uid);
    const slow = setTimeout(() => this.panels.forEach((panel) => panel.asks && !panel.known && panel.element.classList.add("waiting")), SLOW_MS);
    const attempt = async (path, answered, failed) => {
      try {
        const answer = await ask(path, query, asking.signal);
        fresh = answer.now_ms;
        answered(answer);
      } catch (error) {
        if (asking.signal.aborted) return;
        if (!(error instanceof Unavailable)) console.error(error); // a defect of ours: told, and the other panels live on
        faults.add(error.message);
        failed(error);
      }
    };
    if (this.dashboard.annotations.length) {
      await attempt(`/api/annotations/${uid}`, (answer) => { this.marks = marksOf(this.dashboard, answer); }, () => { this.marks = []; });
    }
    await Promise.all(this.panels.map((panel) => (panel.asks
      ? attempt(`/api/panel/${uid}/${encodeURIComponent(panel.panel.key)}`, (answer) => panel.answered(answer, this.marks), (error) => panel.failed(error))
      : panel.idle())));
    clearTimeout(slow);
    if (!asking.signal.aborted) finished(faults);
  }

  redraw() {
    for (const panel of this.panels) panel.redraw();
  }

  close() {
    this.asking?.abort();
    this.evidence?.close();
    for (const panel of this.panels) panel.close();
  }
}

function marksOf(dashboard, answer) {
  return dashboard.annotations.map(({ title }, index) => {
    const table = answer.tables[index];
    const [at, name] = ["time", "title"].map((column) => table.columns.indexOf(column));
    if (name >= 0) return { title, marks: table.rows.map((row) => ({ at: row[at], title: row[name] })) };
    return { title, marks: table.rows.flatMap((row) => table.columns.flatMap((column, place) => (place !== at && row[place] !== null ? [{ at: row[at], title: column }] : []))) };
  });
}

function finished(faults) {
  const had = !page.banner.hidden;
  document.body.classList.toggle("faulty", faults.size > 0);
  page.banner.hidden = faults.size === 0;
  if (faults.size) {
    const since = Math.min(...view.panels.filter((panel) => panel.element.classList.contains("stale")).map((panel) => panel.now));
    const old = Number.isFinite(since) ? `灰色的是 ${day(since)} ${time(since)} 的旧数字；恢复后自动更新。` : "恢复后自动显示。";
    page.banner.replaceChildren(el("b", { text: "取不到数据。" }), ...[...faults].map((fault) => el("span", { text: fault.length > LONGEST ? `${fault.slice(0, LONGEST)}…` : fault })), el("span", { text: old }));
  } else if (had) {
    page.banner.replaceChildren();
    say("数据已恢复");
  }
  page.main.setAttribute("aria-busy", "false");
  showClock();
  schedule(faults.size ? AGAIN_MS : EVERY_MS);
}

function schedule(ms) {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(() => view?.ask(), ms);
}

function showClock() {
  page.clock.textContent = fresh ? `${day(fresh)} ${time(fresh)}` : "";
  page.clock.title = "数据的时刻";
  page.pause.textContent = paused ? "继续刷新" : "暂停刷新";
  page.pause.setAttribute("aria-pressed", String(paused));
  document.body.classList.toggle("paused", paused);
}

// Shows what the address says: another dashboard is built anew, the same one only asks again.
async function show() {
  const state = readState();
  const dashboard = dashboards.find((one) => one.uid === state.uid);
  if (!dashboard) return location.replace("/");
  document.title = `${dashboard.title} · 归档看板`;
  showNav(state);
  clearTimeout(timer);
  if (view?.dashboard === dashboard) return view.to(state);
  view?.close();
  view = new View(dashboard, state);
  return view.ask();
}

function showNav(state) {
  const kept = { ...state, range: state.range };
  page.nav.replaceChildren(el("ul", { role: "list" }, dashboards.map((one) => el("li", {}, el("a", {
    href: addressOf({ ...kept, uid: one.uid }), "aria-current": one.uid === state.uid ? "page" : null, text: one.title.replace(/^归档：/, ""),
  })))));
  page.nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function go(state) {
  const before = readState();
  history.pushState(null, "", addressOf(state));
  const shown = show();
  if (state.variables.case && state.variables.case !== before.variables.case) view.toCase();
  else if (state.uid !== before.uid) {
    window.scrollTo(0, 0);
    view.heading.focus({ preventScroll: true });
  }
  await shown;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/d/']");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(readState(new URL(link.href)));
});
window.addEventListener("popstate", show);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : schedule(0)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.redraw());
page.pause.addEventListener("click", () => {
  paused = !paused;
  showClock();
  schedule(0);
});

async function begin() {
  try {
    dashboards = await ask("/api/dashboards");
  } catch (error) {
    page.banner.hidden = false;
    page.banner.replaceChildren(el("b", { text: "取不到看板。" }), el("span", { text: error.message }));
    setTimeout(begin, AGAIN_MS);
    return;
  }
  page.banner.hidden = true;
  showClock();
  await show();
}

await begin();
