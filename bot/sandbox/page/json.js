/** JSON to read: coloured by kind, with a copy button. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function coloured(text) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(TOKEN)) {
    const kind = match[1] ? (match[2] ? "key" : "string") : match[3] ? "word" : "number";
    nodes.push(text.slice(last, match.index), h("span", { class: `json-${kind}` }, match[1] ?? match[0]), match[2] ?? "");
    last = match.index + match[0].length;
  }
  return [nodes, text.slice(last)];
}

/** A value as pretty JSON. */
export function jsonView(value) {
  const text = JSON.stringify(value, null, 2) ?? "undefined";
  const copy = h("button", { type: "button", class: "btn btn-small json-copy" }, icon("copy", 14), "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.lastChild.textContent = "Copied";
    setTimeout(() => (copy.lastChild.textContent = "Copy"), 1500);
  });
  return h("div", { class: "json-box", data: { testid: "json" } }, copy, h("pre", { class: "json", tabindex: 0 }, text.length > 200_000 ? text : coloured(text)));
}
