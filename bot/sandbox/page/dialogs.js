/** Short things over the page: confirmations and notices. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bareText, plain, textNode } from "./render/text.js";

/** Ask what a `confirm` object asks; resolves to true for yes. */
export function confirmDialog(confirm, ctx) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const answer = (yes) => () => {
      dialog.close();
      dialog.remove();
      before?.focus();
      resolve(yes);
    };
    const yes = h("button", { type: "button", class: ["btn", confirm.style === "danger" ? "btn-danger" : "btn-primary"], data: { testid: "confirm-yes" }, on: { click: answer(true) } }, plain(bareText(confirm.confirm) || "Yes"));
    const no = h("button", { type: "button", class: "btn", data: { testid: "confirm-no" }, on: { click: answer(false) } }, plain(bareText(confirm.deny) || "Cancel"));
    const dialog = h("dialog", { class: "modal confirm", "aria-labelledby": "confirm-title", data: { testid: "confirm" } }, h("div", { class: "modal-frame" }, h("header", { class: "modal-head" }, h("h2", { class: "modal-title", id: "confirm-title" }, plain(bareText(confirm.title) || "Are you sure?"))), h("div", { class: "modal-body" }, confirm.text && textNode(confirm.text, ctx)), h("footer", { class: "modal-foot" }, no, yes)));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      event.stopPropagation();
      answer(false)();
    });
    document.body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

/** A notice at the edge of the window. Errors stay until dismissed or 12 seconds have gone. */
export function toast(level, text) {
  const host = document.querySelector("dialog[open]") ?? document.body;
  let shelf = host.querySelector(":scope > .toasts");
  if (!shelf) host.append((shelf = h("div", { class: "toasts" })));
  const node = h("div", { class: ["toast", `toast-${level}`], role: level === "error" ? "alert" : "status", data: { testid: "notice" } }, icon(level === "error" ? "fault" : "info", 18), h("span", {}, text), h("button", { type: "button", class: "btn-bare", "aria-label": "Dismiss", on: { click: () => node.remove() } }, icon("close", 14)));
  shelf.append(node);
  setTimeout(() => node.remove(), level === "error" ? 12_000 : 6000);
}
