// A field with suggestions (the ARIA combobox pattern): typing filters, arrows move, Enter takes, Escape gives up.

import { el, newId } from "./dom.js";

export class Combobox {
  // load(text) gives [{ value, label, detail }]; choose(value) is called with what was taken; free: any text may be taken.
  constructor({ label, everything, load, choose, free = false }) {
    Object.assign(this, { load, choose, free, everything, value: "", label: "", options: [], active: -1 });
    const id = newId("choice");
    this.list = el("ul", { id: `${id}-list`, role: "listbox", "aria-label": label, hidden: true });
    this.input = el("input", {
      id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", placeholder: everything,
      "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
      onfocus: () => this.input.select(),
      onclick: () => this.open(""),
      oninput: () => this.open(this.input.value),
      onkeydown: (event) => this.key(event),
      onblur: () => this.close(),
    });
    this.clear = el("button", { type: "button", class: "clear", "aria-label": `清除${label}`, text: "×", hidden: true, onclick: () => this.take({ value: "" }) });
    this.element = el("div", { class: "choice" }, el("label", { for: id, text: label }), el("div", { class: "field" }, this.input, this.clear, this.list));
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  }

  show(value, label) {
    this.value = value;
    this.label = label;
    this.clear.hidden = !value;
    if (this.list.hidden) this.input.value = label;
  }

  async open(text) {
    const asked = (this.asked = {});
    let options;
    try {
      options = await this.load(text);
    } catch {
      options = []; // the banner says why
    }
    if (asked !== this.asked || document.activeElement !== this.input) return;
    this.options = text || !this.everything || this.free ? options : [{ value: "", label: this.everything }, ...options];
    this.active = this.options.findIndex((option) => option.value === this.value);
    this.list.replaceChildren(...this.options.map((option, index) => el("li", {
      id: `${this.list.id}-${index}`, role: "option", "aria-selected": String(option.value === this.value), onclick: () => this.take(option),
    }, el("span", { text: option.label }), option.detail ? el("small", { text: option.detail }) : null)));
    if (!this.options.length) this.list.replaceChildren(el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", text: this.free && !text ? "输入办件号的开头" : "没有匹配的" }));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark();
  }

  key(event) {
    if (event.isComposing) return; // an input method is still at work
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) {
      event.preventDefault();
      if (this.list.hidden) this.open("");
      else if (this.options.length) {
        this.active = (this.active + moves[event.key] + this.options.length) % this.options.length;
        this.mark();
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      const text = this.input.value.trim();
      const only = this.options.length === 1 && text ? this.options[0] : null;
      const taken = (!this.list.hidden && this.options[this.active]) || (this.free && text ? { value: text, label: text } : only);
      if (taken) this.take(taken);
    } else if (event.key === "Escape") {
      this.close();
    }
  }

  mark() {
    [...this.list.children].forEach((item, index) => item.classList.toggle("active", index === this.active));
    const item = this.list.children[this.active];
    item?.scrollIntoView({ block: "nearest" });
    if (item) this.input.setAttribute("aria-activedescendant", item.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  take(option) {
    this.close();
    this.show(option.value, option.value ? option.label : "");
    this.choose(option.value);
  }

  close() {
    this.asked = null;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.label;
  }
}
