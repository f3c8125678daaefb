/** The frame on the right that holds a thread, the traffic, the faults or some JSON. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

export class Panel {
  constructor(root, onClose) {
    this.root = root;
    this.title = h("h2", { class: "panel-title" });
    this.extra = h("span", { class: "panel-note" });
    this.body = h("div", { class: "panel-body" });
    const close = h("button", { type: "button", class: "btn-bare", "aria-label": "Close panel", title: "Close", data: { testid: "panel-close" }, on: { click: () => this.close() } }, icon("close"));
    this.onClose = onClose;
    fill(root, h("header", { class: "panel-head" }, this.title, this.extra, close), this.body);
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
    root.hidden = true;
  }

  show(title, node, testid) {
    fill(this.title, title);
    this.note("");
    fill(this.body, node);
    this.root.dataset.testid = testid;
    this.root.setAttribute("aria-label", this.title.textContent);
    this.root.hidden = false;
    document.body.classList.add("has-panel");
  }

  note(text) {
    this.extra.textContent = text;
  }

  close() {
    this.root.hidden = true;
    fill(this.body);
    document.body.classList.remove("has-panel");
    this.onClose();
  }
}
