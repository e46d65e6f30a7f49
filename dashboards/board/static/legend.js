// Names of series beside their colours; with `toggle`, each a button that hides its series.

import { el } from "./dom.js";

export function legend(names, hidden = new Set(), toggle = null) {
  return el("ul", { class: "legend", role: "list" }, names.map((name, index) => {
    const inner = [el("i", { "data-series": index % 8, "aria-hidden": "true" }), name];
    return el("li", {}, toggle ? el("button", { type: "button", "aria-pressed": String(!hidden.has(name)), "data-name": name, onclick: () => toggle(name) }, inner) : inner);
  }));
}
