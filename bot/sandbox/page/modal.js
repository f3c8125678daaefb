/** Modals: the top of the stack in a native dialog, its submit, its errors and its ways out. */

import { ServerGone } from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { jsonView } from "./json.js";
import { bareText, plain } from "./render/text.js";
import { ViewBody } from "./view.js";

export const TROUBLE = "We had some trouble connecting. Try again?";
const FOCUSABLE = "a[href],button:not([disabled]),input:not([disabled]),textarea:not([disabled]),select,[tabindex='0']";

/** `tools`: `{api, viewCtx(view, form, submit), failed(error)}`. */
export function startModals(root, store, tools) {
  const modal = new Modal(store, tools);
  root.append(modal.dialog);
  store.on("stack", () => modal.show(store.stack));
}

class Modal {
  constructor(store, tools) {
    Object.assign(this, { store, tools, view: null, showsJson: false, waiting: false });
    this.title = h("h2", { class: "modal-title", id: "modal-title" });
    this.banner = h("div", { class: "modal-banner", role: "alert", hidden: true, data: { testid: "modal-error" } });
    this.scroll = h("div", { class: "modal-body", tabindex: -1 });
    this.closeButton = h("button", { type: "button", class: "btn", data: { testid: "modal-cancel" }, on: { click: () => this.leave() } });
    this.submitButton = h("button", { type: "button", class: "btn btn-primary", data: { testid: "modal-submit" }, on: { click: () => this.submit() } });
    const bare = (glyph, label, testid, run) => h("button", { type: "button", class: "btn-bare", "aria-label": label, title: label, data: { testid }, on: { click: run } }, icon(glyph));
    this.back = bare("left", "Back", "modal-back", () => this.leave());
    this.dialog = h(
      "dialog",
      { class: "modal", "aria-labelledby": "modal-title", data: { testid: "modal" } },
      h(
        "div",
        { class: "modal-frame" },
        h("header", { class: "modal-head" }, this.back, h("span", { class: "modal-app", "aria-hidden": "true" }, icon("spark", 16)), this.title, bare("code", "View JSON", "modal-json", () => this.toggleJson()), bare("close", "Close", "modal-close", () => this.leave(true))),
        this.banner,
        this.scroll,
        h("footer", { class: "modal-foot" }, this.closeButton, this.submitButton),
      ),
    );
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    this.dialog.addEventListener("keydown", (event) => this.trap(event));
  }

  /** Tab stays inside. */
  trap(event) {
    if (event.key !== "Tab") return;
    const stops = [...this.dialog.querySelectorAll(FOCUSABLE)].filter((node) => node.offsetParent !== null && node.tabIndex >= 0);
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }

  show(stack) {
    const top = stack.at(-1);
    if (!top) {
      this.view = null;
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const isNew = this.view?.id !== top.id;
    this.view = top;
    if (isNew) this.begin(top);
    this.errors = {};
    this.draw(stack.length);
    if (!this.dialog.open) this.dialog.showModal();
    if (isNew) this.focusFirst();
  }

  begin(view) {
    const holder = h("div", { class: "modal-blocks" });
    fill(this.scroll, holder);
    this.scroll.scrollTop = 0;
    this.showsJson = false;
    this.warn(null);
    this.form = this.store.form(view.id);
    this.body = new ViewBody(holder, this.tools.viewCtx(view, this.form, () => this.submit()));
  }

  draw(depth = this.store.stack.length) {
    const { view } = this;
    fill(this.title, plain(bareText(view.title)));
    this.back.hidden = depth < 2;
    this.body.draw(view.blocks, this.errors);
    fill(this.closeButton, plain(bareText(view.close) || (view.submit ? "Cancel" : "Close")));
    fill(this.submitButton, plain(bareText(view.submit) || "Submit"));
    this.submitButton.hidden = !view.submit;
    this.submitButton.disabled = Boolean(view.submit_disabled);
    this.dialog.dataset.viewId = view.id;
    this.dialog.dataset.callbackId = view.callback_id ?? "";
  }

  focusFirst() {
    const first = this.scroll.querySelector("[data-autofocus]") ?? this.scroll.querySelector("input:not([type=file]),textarea") ?? this.scroll.querySelector(FOCUSABLE);
    const target = first ?? (this.submitButton.hidden ? this.closeButton : this.submitButton);
    target.focus({ preventScroll: first === null });
  }

  warn(text) {
    this.banner.hidden = !text;
    fill(this.banner, text && [icon("fault", 16), h("span", {}, text)]);
  }

  /** Show errors under their fields and bring the first into view and focus. */
  refuse(errors) {
    this.errors = errors;
    this.draw();
    const fields = new Set(this.view.blocks.filter((block) => block.type === "input").map((block) => block.block_id));
    const stray = Object.keys(errors).filter((id) => !fields.has(id));
    this.warn(stray.length ? `The app reported an error for a block that is no input here: ${stray.join(", ")}. Slack would show “${TROUBLE}”` : null);
    const first = this.scroll.querySelector(".has-error");
    first?.scrollIntoView({ block: "center" });
    first?.querySelector("input,textarea,[role=group],[role=radiogroup],button")?.focus();
  }

  busy(on) {
    this.submitButton.toggleAttribute("aria-busy", on);
    this.submitButton.setAttribute("aria-busy", String(on));
    this.submitButton.disabled = on || Boolean(this.view?.submit_disabled);
    this.dialog.classList.toggle("is-busy", on);
  }

  async submit() {
    if (this.submitButton.hidden || this.submitButton.disabled || this.waiting) return;
    const { id } = this.view;
    this.waiting = true;
    await this.form.uploads;
    this.waiting = false;
    if (this.view?.id !== id) return; // another was put over it, or it was closed, while files were on their way
    const { view } = this;
    const problems = this.form.problems();
    if (Object.keys(problems).length) return void this.refuse(problems);
    this.warn(null);
    if (Object.keys(this.errors).length) {
      this.errors = {};
      this.draw();
    }
    this.busy(true);
    try {
      const answer = await this.tools.api.submit({ view_id: view.id, state: { values: this.form.values() } });
      this.settle(view, answer);
    } catch (error) {
      if (!(error instanceof ServerGone)) throw error;
      this.warn(TROUBLE);
    } finally {
      this.busy(false);
    }
  }

  /** What the app answered. New views arrive as events; what closes is closed here at once. */
  settle(view, answer) {
    if (!answer.ok) return void this.warn(TROUBLE);
    if (answer.response_action === "errors") {
      if (this.view?.id === view.id) this.refuse(answer.errors ?? {});
    } else if (answer.response_action === "clear") this.store.setStack([]);
    else if (!answer.response_action) this.drop(view);
  }

  /** Without this view and those above it; nothing when the server has already said so. */
  drop(view) {
    const at = this.store.stack.findIndex((one) => one.id === view.id);
    if (at >= 0) this.store.setStack(this.store.stack.slice(0, at));
  }

  /** Cancel, Back and Escape close the top view; the cross (`all`) and clear_on_close the whole stack. */
  async leave(all = false) {
    const { view } = this;
    if (!view) return;
    const clears = view.clear_on_close === true || (all && this.store.stack.length > 1);
    if (clears) this.store.setStack([]);
    else this.drop(view);
    try {
      await this.tools.api.close({ view_id: view.id, is_cleared: clears });
    } catch (error) {
      this.tools.failed(error);
    }
  }

  toggleJson() {
    this.showsJson = !this.showsJson;
    this.body.root.hidden = this.showsJson;
    this.scroll.querySelector(".json-box")?.remove();
    if (this.showsJson) this.scroll.append(jsonView(this.view));
  }
}
