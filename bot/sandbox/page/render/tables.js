/** `table` and `data_table`. The second pages, sorts and filters in the page, as Slack's clients do. */

import { debounce, fill, h, uid } from "../dom.js";
import { icon } from "../icons.js";
import { Malformed } from "./elements.js";
import { richText } from "./rich_text.js";

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

/** A cell as `{node(), text, number}`: what is drawn, what a filter reads, what a sort compares. */
function readCell(cell, ctx) {
  if (cell?.type === "raw_text" && typeof cell.text === "string") return { node: () => h("span", { class: "cell-text" }, cell.text), text: cell.text };
  if (cell?.type === "raw_number" && typeof cell.value === "number") {
    const text = cell.text ?? NUMBER.format(cell.value);
    return { node: () => h("span", { class: "cell-number" }, text), text, number: cell.value };
  }
  if (cell?.type === "rich_text") {
    const text = richText(cell, ctx).textContent;
    return { node: () => richText(cell, ctx), text };
  }
  throw new Malformed(`a cell must be raw_text, raw_number or rich_text, not ${JSON.stringify(cell?.type)}`);
}

function readRows(block, ctx) {
  const { rows } = block;
  if (!Array.isArray(rows) || !rows.length || !rows.every((row) => Array.isArray(row) && row.length)) throw new Malformed(`${block.type} needs rows of cells`);
  if (rows.some((row) => row.length !== rows[0].length)) throw new Malformed("all rows must have the same number of cells");
  if (rows[0].length > 20) throw new Malformed("a table has at most 20 columns");
  return rows.map((row) => row.map((cell) => readCell(cell, ctx)));
}

const scroller = (label, node) => h("div", { class: "grid-scroll", tabindex: 0, role: "region", "aria-label": label }, node);

export function table(block, ctx) {
  if (block.rows?.length > 100) throw new Malformed("a table has at most 100 rows");
  const [head, ...body] = readRows(block, ctx);
  const settings = block.column_settings ?? [];
  const look = (column, cell) => [`align-${settings[column]?.align ?? (cell.number === undefined ? "left" : "right")}`, settings[column]?.is_wrapped && "wrapped"];
  return scroller(
    "Table",
    h(
      "table",
      { class: "grid" },
      h("thead", {}, h("tr", {}, head.map((cell, i) => h("th", { scope: "col", class: look(i, body[0]?.[i] ?? cell) }, cell.node())))),
      h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: look(i, cell) }, cell.node()))))),
    ),
  );
}

function compare(a, b) {
  if (a.number !== undefined && b.number !== undefined) return a.number - b.number;
  return a.text.localeCompare(b.text, "en", { numeric: true, sensitivity: "base" });
}

export function dataTable(block, ctx) {
  if (typeof block.caption !== "string" || !block.caption) throw new Malformed("data_table needs a caption");
  const rows = readRows(block, ctx);
  if (rows.length < 2 || rows.length > 101) throw new Malformed("data_table has 2 to 101 rows, the header included");
  if (block.rows[0].some((cell) => cell.type === "rich_text")) throw new Malformed("header cells may not be rich_text");
  const size = block.page_size ?? 5;
  if (!Number.isInteger(size) || size < 1 || size > 100) throw new Malformed("page_size is 1 to 100");
  return new DataTable(block, rows, size).node;
}

class DataTable {
  constructor(block, [head, ...body], size) {
    Object.assign(this, { head, body, size, page: 0, sort: null, filter: "" });
    this.headerColumn = block.row_header_column_index ?? 0;
    this.numeric = head.map((_, i) => body.every((row) => row[i].number !== undefined));
    this.tbody = h("tbody");
    this.headings = head.map((cell, i) => this.heading(cell, i));
    this.foot = h("div", { class: "grid-foot" });
    this.node = h("div", { class: "data-table" }, this.tools(block.caption), scroller(block.caption, this.grid(block.caption)), this.foot);
    this.draw();
  }

  tools(caption) {
    const id = uid("filter");
    const search = h("input", { id, type: "search", class: "field field-small", placeholder: "Filter", "aria-label": `Filter ${caption}` });
    search.addEventListener("input", debounce(80, () => {
      Object.assign(this, { filter: search.value.trim().toLowerCase(), page: 0 });
      this.draw();
    }));
    return h("div", { class: "grid-tools" }, h("span", { class: "grid-caption", "aria-hidden": "true" }, caption), this.body.length > this.size && search);
  }

  grid(caption) {
    return h("table", { class: "grid" }, h("caption", { class: "sr-only" }, caption), h("thead", {}, h("tr", {}, this.headings)), this.tbody);
  }

  heading(cell, column) {
    const toggle = () => {
      const down = this.sort?.column === column && this.sort.down === false;
      this.sort = this.sort?.column === column && this.sort.down ? null : { column, down };
      this.page = 0;
      this.draw();
    };
    return h("th", { scope: "col", class: this.numeric[column] ? "align-right" : "align-left" }, h("button", { type: "button", class: "grid-sort", on: { click: toggle } }, cell.text, icon("sort", 14)));
  }

  shown() {
    const rows = this.body.filter((row) => !this.filter || row.some((cell) => cell.text.toLowerCase().includes(this.filter)));
    if (!this.sort) return rows;
    const { column, down } = this.sort;
    return rows.toSorted((a, b) => compare(a[column], b[column]) * (down ? -1 : 1));
  }

  draw() {
    const rows = this.shown();
    const pages = Math.max(1, Math.ceil(rows.length / this.size));
    this.page = Math.min(this.page, pages - 1);
    const first = this.page * this.size;
    this.headings.forEach((heading, i) => {
      const order = this.sort?.column === i ? (this.sort.down ? "descending" : "ascending") : "none";
      heading.setAttribute("aria-sort", order);
    });
    fill(this.tbody, rows.length ? rows.slice(first, first + this.size).map((row) => this.row(row)) : h("tr", {}, h("td", { colspan: this.head.length, class: "grid-empty" }, "No rows match")));
    this.footer(rows.length, pages, first);
  }

  row(row) {
    return h("tr", {}, row.map((cell, i) => {
      const props = { class: this.numeric[i] ? "align-right" : "align-left" };
      return i === this.headerColumn ? h("th", { ...props, scope: "row" }, cell.node()) : h("td", props, cell.node());
    }));
  }

  footer(count, pages, first) {
    const turn = (step) => () => {
      this.page += step;
      this.draw();
      this.foot.querySelector(step > 0 ? "[data-turn=next]" : "[data-turn=previous]")?.focus();
    };
    const button = (name, label, step, off) => h("button", { type: "button", class: "btn btn-small", disabled: off, data: { turn: name }, on: { click: turn(step) } }, label);
    const span = count ? `${first + 1}–${Math.min(first + this.size, count)} of ${count}` : "0 rows";
    fill(this.foot, h("span", { class: "grid-count", role: "status" }, span), pages > 1 && h("span", { class: "grid-pages" }, button("previous", "Previous", -1, this.page === 0), button("next", "Next", 1, this.page >= pages - 1)));
  }
}
