/**
 * The `markdown` block: standard Markdown. HTML in it is text. `<!channel>` and `<@U…>` are drawn as the
 * mentions they may become, since a renderer that hides them would hide an injection.
 */

import { fragment, h, link } from "../dom.js";
import { EMOJI_PATTERN } from "../emoji.js";
import { emojiNode } from "./emoji_node.js";
import { broadcastPill, channelLink, userPill } from "./text.js";

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const decode = (text) => text.replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (_, name) => NAMED[name]);

/** Markdown source as a node. */
export function markdown(source, ctx) {
  return h("div", { class: "markdown" }, blocks(source.replace(/\r\n?/g, "\n").split("\n"), ctx));
}

const FENCE = /^\s{0,3}(```+|~~~+)\s*(\S*)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const DELIMITER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function blocks(lines, ctx) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at, ctx);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

function block(lines, at, ctx) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [h(`h${Math.min(6, heading[1].length + 2)}`, { class: `md-h${heading[1].length}` }, spans(heading[2], ctx)), at + 1];
  if (RULE.test(line)) return [h("hr"), at + 1];
  if (/^\s{0,3}>/.test(line)) return quote(lines, at, ctx);
  if (ITEM.test(line)) return list(lines, at, ctx);
  if (line.includes("|") && DELIMITER.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) return table(lines, at, ctx);
  return paragraph(lines, at, ctx);
}

function code(lines, at, fence) {
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(fence[1])) end += 1;
  return [h("pre", { class: "mrk-pre", data: { language: fence[2] || null } }, lines.slice(at + 1, end).join("\n")), end + 1];
}

function quote(lines, at, ctx) {
  let end = at;
  while (end < lines.length && /^\s{0,3}>/.test(lines[end])) end += 1;
  return [h("blockquote", {}, blocks(lines.slice(at, end).map((line) => line.replace(/^\s{0,3}>\s?/, "")), ctx)), end];
}

function list(lines, at, ctx) {
  const first = ITEM.exec(lines[at]);
  const base = first[1].length;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const match = ITEM.exec(lines[end]);
    if (match && match[1].length <= base + 1) {
      if (match[1].length < base || /\d/.test(match[2]) !== ordered) break;
      items.push([match[3]]);
    } else if (lines[end].trim() && (match || /^\s/.test(lines[end]))) items.at(-1).push(lines[end].slice(Math.min(base + 2, lines[end].search(/\S/))));
    else break;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : null;
  return [h(ordered ? "ol" : "ul", { start: start === 1 ? null : start }, items.map((item) => listItem(item, ctx))), end];
}

function listItem([head, ...rest], ctx) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(head);
  const box = task && h("input", { type: "checkbox", disabled: true, checked: task[1] !== " ", "aria-label": "Task" });
  return h("li", { class: task ? "task-item" : null }, box, spans(task ? task[2] : head, ctx), blocks(rest, ctx));
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));

function table(lines, at, ctx) {
  const aligns = cells(lines[at + 1]).map((cell) => (/^:.*:$/.test(cell) ? "center" : cell.endsWith(":") ? "right" : "left"));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end += 1;
  const row = (line, tag) => h("tr", {}, cells(line).map((cell, i) => h(tag, { class: `align-${aligns[i] ?? "left"}` }, spans(cell, ctx))));
  const node = h("table", { class: "grid" }, h("thead", {}, row(lines[at], "th")), h("tbody", {}, lines.slice(at + 2, end).map((line) => row(line, "td"))));
  return [h("div", { class: "grid-scroll", tabindex: 0, role: "region", "aria-label": "Table" }, node), end];
}

function paragraph(lines, at, ctx) {
  let end = at;
  const starts = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || /^\s{0,3}>/.test(line) || ITEM.test(line);
  while (end < lines.length && lines[end].trim() && (end === at || !starts(lines[end]))) end += 1;
  const rows = lines.slice(at, end).map((line) => spans(line.trim().replace(/\\$/, ""), ctx));
  return [h("p", {}, rows.flatMap((row, i) => (i ? [h("br"), row] : [row]))), end];
}

/** Inline Markdown of one line. */
function spans(text, ctx) {
  const nodes = [];
  let run = "";
  for (let at = 0; at < text.length; ) {
    const found = span(text, at, ctx);
    if (!found) {
      run += text[at];
      at += 1;
      continue;
    }
    nodes.push(decode(run), found.node);
    run = "";
    at += found.length;
  }
  return fragment(nodes, decode(run));
}

function span(text, at, ctx) {
  const rest = text.slice(at);
  const take = (match, node) => ({ node, length: match[0].length });
  let match;
  if ((match = /^\\([!-/:-@[-`{-~])/.exec(rest))) return take(match, match[1]);
  if ((match = /^(`+)([^`]|[^`].*?[^`])\1(?!`)/.exec(rest))) return take(match, h("code", {}, match[2]));
  if ((match = /^!\[([^\]]*)\]\(([^)\s]+)[^)]*\)/.exec(rest))) return take(match, link(match[2], `🖼 ${match[1] || match[2]}`));
  if ((match = /^\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)[^)]*\)/.exec(rest))) return take(match, link(match[2], spans(match[1], ctx)));
  if ((match = /^<(https?:\/\/[^<>\s]+)>/.exec(rest))) return take(match, link(match[1], match[1]));
  if ((match = /^<!(here|channel|everyone)(?:\|[^>]*)?>/.exec(rest))) return take(match, broadcastPill(match[1]));
  if ((match = /^<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/.exec(rest))) return take(match, userPill(match[1], null, ctx));
  if ((match = /^<#([CG][A-Z0-9]+)(?:\|[^>]*)?>/.exec(rest))) return take(match, channelLink(match[1], null, ctx));
  if (/\w/.test(text[at - 1] ?? " ") && "_h".includes(text[at])) return null;
  if ((match = /^(\*\*|__)(?=\S)(.*?\S)\1(?![*_])/.exec(rest))) return take(match, h("strong", {}, spans(match[2], ctx)));
  if ((match = /^([*_])(?=[^\s*_])(.*?[^\s*_])\1(?!\w)/.exec(rest))) return take(match, h("em", {}, spans(match[2], ctx)));
  if ((match = /^~~(?=\S)(.*?\S)~~/.exec(rest))) return take(match, h("s", {}, spans(match[1], ctx)));
  if ((match = /^https?:\/\/[^\s<>]*[^\s<>.,;:!?)'"*_]/.exec(rest))) return take(match, link(match[0], match[0]));
  EMOJI_PATTERN.lastIndex = at;
  const emoji = text[at] === ":" && EMOJI_PATTERN.exec(text);
  const node = emoji && emojiNode(emoji[1], { tone: emoji[2] });
  return node ? take(emoji, node) : null;
}
