/** `data_visualization`: pie, line, bar and area as SVG, with a legend and the numbers for screen readers. */

import { h, svg, uid } from "../dom.js";
import { Malformed } from "./elements.js";

const WIDTH = 560;
const HEIGHT = 260;
const PLOT = { left: 56, right: 12, top: 14, bottom: 50 };
const NUMBER = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const EXACT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });
const colour = (index) => `var(--series-${(index % 6) + 1})`;

export function chartBlock(block) {
  const chart = block.chart;
  if (typeof block.title !== "string" || !block.title) throw new Malformed("data_visualization needs a title");
  if (block.title.length > 50) throw new Malformed("the title has at most 50 characters");
  if (!["pie", "line", "bar", "area"].includes(chart?.type)) throw new Malformed(`unknown chart type ${JSON.stringify(chart?.type)}`);
  const { drawing, names, rows, head } = chart.type === "pie" ? pie(chart, block.title) : axes(chart, block.title);
  return h("figure", { class: ["chart", `chart-${chart.type}`] }, h("figcaption", { class: "chart-title" }, block.title), drawing, legend(names), numbers(block.title, head, rows));
}

const legend = (names) => h("ul", { class: "legend" }, names.map((name, i) => h("li", {}, h("i", { class: "legend-mark", style: { background: colour(i) } }), name)));

/** The same numbers as a table that only screen readers meet. */
function numbers(title, head, rows) {
  return h("table", { class: "sr-only" }, h("caption", {}, title), h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), values.map((value) => h("td", {}, value))))));
}

function frame(title, width, height, ...children) {
  const id = uid("chart");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart-svg", role: "img", "aria-labelledby": id }, svg("title", { id }, title), children);
}

function pie(chart, title) {
  const parts = chart.segments;
  if (!Array.isArray(parts) || !parts.length || parts.length > 6) throw new Malformed("a pie has 1 to 6 segments");
  if (parts.some((part) => typeof part.label !== "string" || !(part.value > 0))) throw new Malformed("each segment needs a label and a value above 0");
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  let angle = -Math.PI / 2;
  const slices = parts.map((part, i) => {
    const from = angle;
    angle += (2 * Math.PI * part.value) / total;
    return svg("path", { d: ring(from, Math.min(angle, from + 2 * Math.PI - 1e-4)), fill: colour(i), class: "slice" }, svg("title", {}, `${part.label}: ${EXACT.format(part.value)}`));
  });
  const percent = (value) => `${((100 * value) / total).toFixed(1)} %`;
  const centre = svg("text", { x: 0, y: 5, "text-anchor": "middle", class: "pie-total" }, NUMBER.format(total));
  return {
    drawing: frame(title, 220, 220, svg("g", { transform: "translate(110 110)" }, slices, centre)),
    names: parts.map((part) => `${part.label} · ${percent(part.value)}`),
    head: ["Segment", "Value", "Share"],
    rows: parts.map((part) => [part.label, EXACT.format(part.value), percent(part.value)]),
  };
}

function ring(from, to) {
  const point = (radius, angle) => `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  const large = to - from > Math.PI ? 1 : 0;
  return `M${point(100, from)}A100 100 0 ${large} 1 ${point(100, to)}L${point(56, to)}A56 56 0 ${large} 0 ${point(56, from)}Z`;
}

/** Rows of numbers by series and category; throws where they do not fit together. */
function readSeries(chart) {
  const categories = chart.axis_config?.categories;
  if (!Array.isArray(categories) || !categories.length || categories.length > 20) throw new Malformed("axis_config.categories holds 1 to 20 labels");
  if (!Array.isArray(chart.series) || !chart.series.length || chart.series.length > 6) throw new Malformed("a chart has 1 to 6 series");
  const series = chart.series.map((one) => {
    if (typeof one.name !== "string" || !Array.isArray(one.data)) throw new Malformed("a series needs name and data");
    const points = new Map(one.data.map((point) => [point.label, point.value]));
    for (const [label, value] of points) {
      if (!categories.includes(label)) throw new Malformed(`data label ${JSON.stringify(label)} is not a category`);
      if (typeof value !== "number") throw new Malformed(`the value at ${JSON.stringify(label)} is not a number`);
    }
    return { name: one.name, values: categories.map((label) => points.get(label)) };
  });
  return { categories, series };
}

/** A round scale over the data that includes zero: `{low, high, ticks}`. */
function scaleOver(values) {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) * power;
  const bottom = Math.floor(low / step) * step;
  const count = Math.ceil((high - bottom) / step - 1e-9) || 1;
  return { low: bottom, high: bottom + count * step, ticks: Array.from({ length: count + 1 }, (_, i) => bottom + i * step) };
}

function axes(chart, title) {
  const { categories, series } = readSeries(chart);
  const scale = scaleOver(series.flatMap((one) => one.values.filter((value) => value !== undefined)));
  const plotWidth = WIDTH - PLOT.left - PLOT.right;
  const plotHeight = HEIGHT - PLOT.top - PLOT.bottom;
  const y = (value) => PLOT.top + plotHeight * (1 - (value - scale.low) / (scale.high - scale.low));
  const band = plotWidth / categories.length;
  const x = (index) => PLOT.left + band * (index + 0.5);
  const marks = chart.type === "bar" ? bars(series, categories, { x, y, band }) : lines(series, categories, { x, y, filled: chart.type === "area" });
  return {
    drawing: frame(title, WIDTH, HEIGHT, grid(scale, y), labels(categories, x, band), titles(chart.axis_config), marks),
    names: series.map((one) => one.name),
    head: ["Category", ...series.map((one) => one.name)],
    rows: categories.map((name, i) => [name, ...series.map((one) => (one.values[i] === undefined ? "no value" : EXACT.format(one.values[i])))]),
  };
}

const grid = (scale, y) =>
  scale.ticks.map((tick) => [
    svg("line", { x1: PLOT.left, x2: WIDTH - PLOT.right, y1: y(tick), y2: y(tick), class: tick === 0 ? "axis-zero" : "axis-line" }),
    svg("text", { x: PLOT.left - 8, y: y(tick) + 4, "text-anchor": "end", class: "axis-text" }, NUMBER.format(tick)),
  ]);

function labels(categories, x, band) {
  const room = Math.max(3, Math.floor(band / 6.5));
  const every = Math.ceil(categories.length / Math.max(1, Math.floor((WIDTH - PLOT.left) / 46)));
  return categories.map((name, i) => i % every === 0 && svg("text", { x: x(i), y: HEIGHT - PLOT.bottom + 18, "text-anchor": "middle", class: "axis-text" }, name.length > room * every ? `${name.slice(0, room * every - 1)}…` : name, svg("title", {}, name)));
}

const titles = ({ x_label: across, y_label: up }) => [
  across && svg("text", { x: PLOT.left + (WIDTH - PLOT.left - PLOT.right) / 2, y: HEIGHT - 10, "text-anchor": "middle", class: "axis-title" }, across),
  up && svg("text", { transform: `translate(12 ${PLOT.top + (HEIGHT - PLOT.top - PLOT.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "axis-title" }, up),
];

const hint = (series, category, value) => svg("title", {}, `${series} · ${category}: ${EXACT.format(value)}`);

function bars(series, categories, { x, y, band }) {
  const width = Math.min(36, (band * 0.72) / series.length);
  return series.flatMap((one, s) =>
    one.values.map((value, i) => {
      if (value === undefined) return null;
      const left = x(i) + (s - series.length / 2) * width;
      const top = Math.min(y(value), y(0));
      return svg("rect", { x: left + 1, y: top, width: Math.max(1, width - 2), height: Math.max(1, Math.abs(y(value) - y(0))), rx: Math.min(3, width / 4), fill: colour(s), class: "bar" }, hint(one.name, categories[i], value));
    }),
  );
}

function lines(series, categories, { x, y, filled }) {
  return series.map((one, s) => {
    const points = one.values.map((value, i) => (value === undefined ? null : [x(i), y(value), value, i])).filter(Boolean);
    const path = points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    const area = filled && points.length > 1 && svg("path", { d: `${path}L${points.at(-1)[0].toFixed(1)} ${y(0)}L${points[0][0].toFixed(1)} ${y(0)}Z`, fill: colour(s), class: "area" });
    const dots = points.map(([px, py, value, i]) => svg("circle", { cx: px, cy: py, r: points.length > 12 ? 2.2 : 3.2, fill: colour(s), class: "dot" }, hint(one.name, categories[i], value)));
    return [area, svg("path", { d: path, stroke: colour(s), class: "line" }), dots];
  });
}
