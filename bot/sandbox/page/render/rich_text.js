/** `rich_text`: typed elements, so nothing in a text is ever interpreted. */

import { h, link } from "../dom.js";
import { dateNode } from "./dates.js";
import { emojiNode } from "./emoji_node.js";
import { broadcastPill, channelLink, groupPill, userPill } from "./text.js";

const STYLES = [["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"], ["highlight", "mark"], ["code", "code"]];

function withStyle(node, style) {
  if (!style) return node;
  return STYLES.reduce((inner, [name, tag]) => (style[name] ? h(tag, {}, inner) : inner), node);
}

const INLINE = {
  text: (element) => document.createTextNode(need(element, "text")),
  link: (element) => link(need(element, "url"), element.text || element.url),
  user: (element, ctx) => userPill(need(element, "user_id"), null, ctx),
  usergroup: (element, ctx) => groupPill(need(element, "usergroup_id"), null, ctx),
  team: (element) => groupPill(need(element, "team_id"), null),
  channel: (element, ctx) => channelLink(need(element, "channel_id"), null, ctx),
  broadcast: (element) => broadcastPill(need(element, "range")),
  date: (element) => {
    const node = dateNode(Number(element.timestamp), need(element, "format"), element.fallback ?? "");
    return element.url ? link(element.url, node) : node;
  },
  color: (element) => {
    const value = need(element, "value");
    const known = /^#[0-9a-f]{6}$/i.test(value);
    return h("span", { class: "swatch-text" }, known && h("span", { class: "swatch", style: { background: value } }), value);
  },
  emoji: (element) => {
    const name = need(element, "name");
    return emojiNode(name, { tone: element.skin_tone, unicode: element.unicode }) ?? document.createTextNode(`:${name}:`);
  },
};

function need(element, key) {
  if (typeof element[key] !== "string") throw new TypeError(`rich text ${element.type} needs ${key}`);
  return element[key];
}

function inlineElements(elements, ctx) {
  if (!Array.isArray(elements)) throw new TypeError("rich text needs elements");
  return elements.map((element) => {
    const draw = INLINE[element?.type];
    if (!draw) throw new TypeError(`unknown rich text element ${JSON.stringify(element?.type)}`);
    return withStyle(draw(element, ctx), element.style);
  });
}

/** Follow-on lists of deeper indent belong under the last item, so that they read as one list. */
function list(part, ctx) {
  const ordered = part.style === "ordered";
  const indent = Math.min(8, Math.max(0, part.indent ?? 0));
  const items = (part.elements ?? []).map((item) => h("li", {}, inlineElements(item.elements, ctx)));
  return h(
    ordered ? "ol" : "ul",
    { class: ["rt-list", `indent-${indent}`, `marker-${indent % 3}`, part.border && "rt-border"], start: ordered && part.offset ? part.offset + 1 : null },
    items,
  );
}

const PARTS = {
  rich_text_section: (part, ctx) => h("div", { class: "rt-section" }, inlineElements(part.elements, ctx)),
  rich_text_quote: (part, ctx) => h("blockquote", {}, inlineElements(part.elements, ctx)),
  rich_text_preformatted: (part, ctx) => h("pre", { class: "mrk-pre", data: { language: part.language } }, inlineElements(part.elements, ctx)),
  rich_text_list: list,
};

/** A rich_text block (or table cell, task detail …) as a node. Throws on what it does not know. */
export function richText(block, ctx) {
  if (!Array.isArray(block?.elements)) throw new TypeError("rich_text needs elements");
  return h(
    "div",
    { class: "rich-text" },
    block.elements.map((part) => {
      const draw = PARTS[part?.type];
      if (!draw) throw new TypeError(`unknown rich text part ${JSON.stringify(part?.type)}`);
      return draw(part, ctx);
    }),
  );
}
