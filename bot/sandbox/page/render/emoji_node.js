/** An emoji as a node: the system's glyph, or where no emoji font is installed a small drawing or its name. */

import { h, svg } from "../dom.js";
import { emojiFor, emojiFromCodePoints } from "../emoji.js";

/** Does this machine draw emoji in colour? A font without them draws a grey box. */
const hasFont = (() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.canvas.width = context.canvas.height = 24;
  context.font = "18px sans-serif";
  context.fillText("🎉", 0, 18);
  const { data } = context.getImageData(0, 0, 24, 24);
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0 && Math.abs(data[at] - data[at + 2]) > 24) return true;
  return false;
})();

const disc = (colour) => [["circle", { cx: 10, cy: 10, r: 8, fill: colour }]];
const tick = ["path", { d: "m6 10.5 2.8 2.8L14 7.5", stroke: "#fff", "stroke-width": 2, fill: "none" }];
const DRAWN = {
  warning: [["path", { d: "M10 2 19 18H1z", fill: "#f2b01e" }], ["path", { d: "M10 8v4.5M10 15v.1", stroke: "#3c2200", "stroke-width": 2 }]],
  white_check_mark: [["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill: "#2f9e5b" }], tick],
  heavy_check_mark: [["path", { d: "m3 11 5 5 9-11", stroke: "currentcolor", "stroke-width": 3, fill: "none" }]],
  x: [["path", { d: "m4 4 12 12M16 4 4 16", stroke: "#d6453d", "stroke-width": 3.5 }]],
  no_entry: [...disc("#d6453d"), ["path", { d: "M5.5 10h9", stroke: "#fff", "stroke-width": 2.8 }]],
  information_source: [["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill: "#3b82c4" }], ["path", { d: "M10 9v5M10 6v.1", stroke: "#fff", "stroke-width": 2 }]],
  hourglass_flowing_sand: [["path", { d: "M5 2h10v3l-4 5 4 5v3H5v-3l4-5-4-5z", fill: "#d9a441", stroke: "#8a6424", "stroke-width": 1.2 }]],
  package: [["path", { d: "M2 6 10 2l8 4v9l-8 4-8-4z", fill: "#c48a4a" }], ["path", { d: "M2 6l8 4 8-4M10 10v9", stroke: "#7c5427", "stroke-width": 1.3, fill: "none" }]],
  rocket: [["path", { d: "M17 3c-5 0-8 3-10 7l3 3c4-2 7-5 7-10z", fill: "#7c8db5" }], ["path", { d: "M7 10 4 11l-1 3 4-1M10 13l-1 3-3 1 1-4", fill: "#d6453d" }]],
  label: [["path", { d: "M2 5h9l7 5-7 5H2z", fill: "#d9b98a" }], ["circle", { cx: 12, cy: 10, r: 1.3, fill: "#5c4424" }]],
  bell: [["path", { d: "M4 14h12l-1.5-2V8a4.5 4.5 0 0 0-9 0v4zM8.5 16h3", fill: "#f2b01e", stroke: "#8a6424", "stroke-width": 1.2 }]],
  lock: [["rect", { x: 4, y: 9, width: 12, height: 9, rx: 2, fill: "#e0a92e" }], ["path", { d: "M7 9V6a3 3 0 0 1 6 0v3", stroke: "#8b97a3", "stroke-width": 2, fill: "none" }]],
  bar_chart: [["path", { d: "M4 18v-6M10 18V6M16 18V3", stroke: "#3b82c4", "stroke-width": 3.5 }]],
  chart_with_upwards_trend: [["path", { d: "m2 15 5-5 4 3 7-9", stroke: "#d6453d", "stroke-width": 2, fill: "none" }]],
  grey_question: [["path", { d: "M7 7a3 3 0 1 1 4.5 2.6C10 10.5 10 11 10 12.5M10 16v.1", stroke: "#8b97a3", "stroke-width": 2.5, fill: "none" }]],
  eyes: [["ellipse", { cx: 6, cy: 10, rx: 3.6, ry: 5.2, fill: "#fff", stroke: "#8b97a3" }], ["ellipse", { cx: 14, cy: 10, rx: 3.6, ry: 5.2, fill: "#fff", stroke: "#8b97a3" }], ["path", { d: "M5 11v.1M13 11v.1", stroke: "#2b3436", "stroke-width": 3.4 }]],
  pencil: [["path", { d: "m3 17 1-4L14 3l3 3L7 16z", fill: "#f2b01e" }], ["path", { d: "m3 17 1-4 3 3z", fill: "#5c4424" }], ["path", { d: "m12 5 3 3 2-2-3-3z", fill: "#d6453d" }]],
  bust_in_silhouette: [["circle", { cx: 10, cy: 6.5, r: 4, fill: "#5f7fa8" }], ["path", { d: "M2.5 18a7.5 6.5 0 0 1 15 0z", fill: "#5f7fa8" }]],
  rotating_light: [["path", { d: "M5 15V9a5 5 0 0 1 10 0v6z", fill: "#d6453d" }], ["path", { d: "M3 17h14M10 1v1.5M3 4l1 1M17 4l-1 1", stroke: "#8b97a3", "stroke-width": 2, fill: "none" }]],
  checkered_flag: [["path", { d: "M4 3h13v9H4z", fill: "#fff", stroke: "#5f6b73" }], ["path", { d: "M4 3h4v3H4zM12 3h5v3h-5zM8 6h4v3H8zM4 9h4v3H4zM12 9h5v3h-5z", fill: "#2b3436" }], ["path", { d: "M4 2v17", stroke: "#7c5427", "stroke-width": 1.8 }]],
  ballot_box_with_check: [["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill: "#3b82c4" }], tick],
  gear: [["circle", { cx: 10, cy: 10, r: 5.5, fill: "none", stroke: "#7b8894", "stroke-width": 3 }], ["path", { d: "M10 1v3M10 16v3M1 10h3M16 10h3M3.6 3.6l2.2 2.2M14.2 14.2l2.2 2.2M3.6 16.4l2.2-2.2M14.2 5.8l2.2-2.2", stroke: "#7b8894", "stroke-width": 2.4 }]],
  heavy_minus_sign: [["path", { d: "M4 10h12", stroke: "currentcolor", "stroke-width": 3.5 }]],
  arrow_up: [["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill: "#3b82c4" }], ["path", { d: "M10 15V5M6 9l4-4 4 4", stroke: "#fff", "stroke-width": 2, fill: "none" }]],
  hourglass: [["path", { d: "M5 2h10v3l-4 5 4 5v3H5v-3l4-5-4-5z", fill: "#d9a441", stroke: "#8a6424", "stroke-width": 1.2 }]],
  mag: [["circle", { cx: 8, cy: 8, r: 5.2, fill: "#cfe3f3", stroke: "#5f6b73", "stroke-width": 1.8 }], ["path", { d: "m12 12 6 6", stroke: "#7c5427", "stroke-width": 3 }]],
  wrench: [["path", { d: "M4 16 12 8", stroke: "#7b8894", "stroke-width": 3.2 }], ["path", { d: "M17 6a4.2 4.2 0 1 1-3-3l-2 2 .5 2.5L15 8z", fill: "#7b8894" }]],
  zzz: [["path", { d: "M3 12h6l-6 6h6M10 5h5l-5 5h5", stroke: "#3b82c4", "stroke-width": 2, fill: "none" }]],
  red_circle: disc("#d6453d"),
  large_orange_circle: disc("#ef8b2c"),
  large_yellow_circle: disc("#f0c330"),
  large_green_circle: disc("#3fae5a"),
  large_blue_circle: disc("#3b82c4"),
  white_circle: [["circle", { cx: 10, cy: 10, r: 7.5, fill: "#e8ecef", stroke: "#8b97a3" }]],
};

const drawing = (parts) => svg("svg", { viewBox: "0 0 20 20", class: "emoji-drawing", "stroke-linecap": "round", "stroke-linejoin": "round" }, parts.map(([tag, props]) => svg(tag, props)));

/** `name` without colons; null when neither the table nor `unicode` knows it. */
export function emojiNode(name, { tone, unicode } = {}) {
  const character = emojiFor(name, tone) ?? emojiFromCodePoints(unicode);
  if (!character) return null;
  const shown = hasFont ? character : DRAWN[name] ? drawing(DRAWN[name]) : `:${name}:`;
  return h("span", { class: ["emoji", !hasFont && !DRAWN[name] && "emoji-name"], role: "img", "aria-label": name, title: `:${name}:`, data: { emoji: name } }, shown);
}
