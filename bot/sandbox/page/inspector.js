/** "Traffic": every exchange between the app and this server, newest first. */

import { fill, h } from "./dom.js";
import { jsonView } from "./json.js";

const KINDS = { web_api: "API", command: "command", interactivity: "action", options: "options", event: "event", response_url: "response", socket: "socket" };
const failed = (status) => !(status === "ok" || status === true || (typeof status === "number" && status < 400));

function entryNode(entry) {
  const out = entry.direction === "app→slack";
  const body = h("div", { class: "traffic-body" });
  const node = h(
    "details",
    { class: ["traffic-entry", failed(entry.status) && "traffic-failed"], data: { testid: "traffic-entry", kind: entry.kind, name: entry.name } },
    h(
      "summary",
      {},
      h("span", { class: ["traffic-way", out ? "way-out" : "way-in"], title: entry.direction }, out ? "app →" : "→ app"),
      h("span", { class: "traffic-name" }, entry.name),
      h("span", { class: "traffic-kind" }, KINDS[entry.kind] ?? entry.kind),
      h("span", { class: "traffic-status" }, String(entry.status)),
      h("span", { class: "traffic-ms" }, `${Number(entry.ms).toFixed(entry.ms < 10 ? 1 : 0)} ms`),
    ),
    body,
  );
  node.addEventListener("toggle", () => {
    if (!node.open || body.childElementCount) return;
    const when = new Date(entry.at * 1000).toLocaleTimeString("en-US", { hour12: false });
    fill(body, h("p", { class: "traffic-when" }, `${when} · ${entry.direction}${entry.user ? ` · ${entry.user}` : ""}`), h("h4", {}, "Request"), jsonView(entry.request), h("h4", {}, "Answer"), jsonView(entry.response));
  });
  return node;
}

/** Returns `open()`: show the traffic in the side panel. */
export function startInspector(store, panel, tools) {
  const filter = h("input", { type: "search", class: "field field-small", placeholder: "Filter by name, kind or status", "aria-label": "Filter traffic" });
  const list = h("div", { class: "traffic-list", role: "log", "aria-label": "Traffic", "aria-live": "off" });
  const nodes = new Map();
  const draw = () => {
    const words = filter.value.trim().toLowerCase();
    const fits = (entry) => !words || `${entry.name} ${entry.kind} ${KINDS[entry.kind]} ${entry.status} ${entry.user ?? ""}`.toLowerCase().includes(words);
    const shown = store.traffic.filter(fits).reverse();
    for (const entry of shown) if (!nodes.has(entry.id)) nodes.set(entry.id, entryNode(entry));
    fill(list, shown.length ? shown.map((entry) => nodes.get(entry.id)) : h("p", { class: "panel-empty" }, "Nothing has been exchanged yet."));
    panel.note(`${shown.length}`);
  };
  const node = h("div", { class: "traffic", data: { testid: "traffic" } }, h("div", { class: "panel-tools" }, filter), list);
  filter.addEventListener("input", draw);
  store.on("traffic", () => {
    if (node.isConnected) draw();
  });
  return async () => {
    panel.show("Traffic", node, "traffic-panel");
    draw();
    try {
      const answer = await tools.api.traffic();
      const known = new Map([...answer.entries, ...store.traffic].map((entry) => [entry.id, entry]));
      store.traffic = [...known.values()].sort((a, b) => a.id - b.id);
      draw();
    } catch (error) {
      tools.failed(error);
    }
  };
}
