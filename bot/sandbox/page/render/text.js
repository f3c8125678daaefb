/**
 * Text objects. `plain_text` is shown as it is (only `:emoji:` is drawn); `mrkdwn` is read as Slack reads it:
 * control sequences live in raw `<…>` alone, so that an escaped `&lt;!channel&gt;` stays text.
 */

import { fragment, h, link, safeUrl } from "../dom.js";
import { EMOJI_PATTERN } from "../emoji.js";
import { dateNode } from "./dates.js";
import { emojiNode } from "./emoji_node.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
/** Slack escapes three characters and unescapes the same three, once. */
export const unescape = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

const BROADCASTS = new Set(["here", "channel", "everyone"]);
const WORD = /[\p{L}\p{N}_]/u;
const MARKS = { "*": "strong", _: "em", "~": "s" };

/** A text object (`{type, text, emoji?, verbatim?}`) as nodes. Throws when it is not one. */
export function textNode(object, ctx) {
  if (!object || typeof object.text !== "string") throw new TypeError("a text object needs a text");
  if (object.type === "plain_text") return h("span", { class: "plain" }, plain(object.text, object.emoji !== false));
  if (object.type === "mrkdwn") return mrkdwn(object.text, ctx, { verbatim: object.verbatim === true });
  throw new TypeError(`unknown text object type ${JSON.stringify(object.type)}`);
}

/** The bare characters of a text object, for labels and titles. */
export const bareText = (object) => (object && typeof object.text === "string" ? object.text : "");

/** Plain text with line breaks; emoji names become characters and nothing else is interpreted. */
export function plain(text, emoji = true) {
  const nodes = [];
  let run = "";
  for (let at = 0; at < text.length; ) {
    const found = emoji && text[at] === ":" ? emojiAt(text, at) : null;
    if (found) {
      nodes.push(run, found.node);
      run = "";
      at += found.length;
    } else {
      run += text[at];
      at += 1;
    }
  }
  return fragment(nodes, run);
}

function emojiAt(text, at) {
  EMOJI_PATTERN.lastIndex = at;
  const match = EMOJI_PATTERN.exec(text);
  const node = match && emojiNode(match[1], { tone: match[2] });
  return node ? { node, length: match[0].length } : null;
}

/** mrkdwn as nodes: code blocks and quotes first, then what stands in a line. */
export function mrkdwn(text, ctx, { verbatim = false } = {}) {
  const parts = text.split(/```([\s\S]+?)```/);
  const nodes = parts.map((part, index) => {
    if (index % 2 === 1) return h("pre", { class: "mrk-pre" }, inCode(part.replace(/^\n|\n$/g, ""), ctx));
    const before = index > 0 ? part.replace(/^\n/, "") : part;
    return lines(before, ctx, verbatim);
  });
  return h("span", { class: "mrkdwn" }, nodes);
}

const QUOTE = /^(?:>|&gt;)\s?/;
const LONG_QUOTE = /^(?:>>>|&gt;&gt;&gt;)\s?/;

function lines(text, ctx, verbatim) {
  if (!text) return null;
  const nodes = [];
  const rows = text.split("\n");
  let quoted = [];
  const endQuote = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, quoted.flatMap((row, i) => [i ? h("br") : null, inline(row, ctx, verbatim)])));
    quoted = [];
  };
  let open = false;
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    if (LONG_QUOTE.test(row)) {
      quoted.push(row.replace(LONG_QUOTE, ""), ...rows.slice(at + 1));
      break;
    }
    if (QUOTE.test(row)) {
      quoted.push(row.replace(QUOTE, ""));
      open = false;
      continue;
    }
    endQuote();
    if (open) nodes.push(h("br"));
    nodes.push(inline(row, ctx, verbatim));
    open = true;
  }
  endQuote();
  return nodes;
}

function inCode(text, ctx) {
  const nodes = [];
  let rest = text;
  for (let match; (match = /<([^<>\n]+)>/.exec(rest)); rest = rest.slice(match.index + match[0].length)) {
    nodes.push(unescape(rest.slice(0, match.index)), control(match[1], ctx) ?? unescape(match[0]));
  }
  return [nodes, unescape(rest)];
}

/** One line of mrkdwn. */
export function inline(text, ctx, verbatim = false) {
  const nodes = [];
  let run = "";
  const flush = () => {
    if (run) nodes.push(unescape(run));
    run = "";
  };
  for (let at = 0; at < text.length; ) {
    const found = special(text, at, ctx, verbatim);
    if (found) {
      flush();
      nodes.push(found.node);
      at += found.length;
    } else {
      run += text[at];
      at += 1;
    }
  }
  flush();
  return fragment(nodes);
}

function special(text, at, ctx, verbatim) {
  const mark = text[at];
  if (mark === "<") {
    const match = /^<([^<>\n]+)>/.exec(text.slice(at));
    const node = match && control(match[1], ctx);
    return node ? { node, length: match[0].length } : null;
  }
  if (mark === "`") {
    const match = /^`([^`\n]+)`/.exec(text.slice(at));
    return match ? { node: h("code", {}, inCode(match[1], ctx)), length: match[0].length } : null;
  }
  if (mark === ":") return emojiAt(text, at);
  if (MARKS[mark]) return styled(text, at, ctx, verbatim);
  if (mark === "h" && !verbatim && !WORD.test(text[at - 1] ?? " ")) return bareLink(text, at);
  return null;
}

function styled(text, at, ctx, verbatim) {
  const mark = text[at];
  const next = text[at + 1] ?? " ";
  if (WORD.test(text[at - 1] ?? " ") || /\s/.test(next) || next === mark) return null;
  for (let end = at + 2; end < text.length; end += 1) {
    if (text[end] === "<") {
      const inside = /^<[^<>\n]+>/.exec(text.slice(end));
      if (inside) end += inside[0].length - 1;
      continue;
    }
    const closes = text[end] === mark && !/\s/.test(text[end - 1]) && !WORD.test(text[end + 1] ?? " ");
    if (closes) {
      const node = h(MARKS[mark], {}, inline(text.slice(at + 1, end), ctx, verbatim));
      return { node, length: end + 1 - at };
    }
  }
  return null;
}

function bareLink(text, at) {
  const match = /^https?:\/\/[^\s<>|]+/.exec(text.slice(at));
  if (!match) return null;
  const address = match[0].replace(/(?:[.,;:!?)\]'"*_~]|&gt;|&lt;)+$/, "");
  if (!safeUrl(unescape(address))) return null;
  return { node: link(unescape(address), unescape(address)), length: address.length };
}

/** What stands between `<` and `>`; null when Slack would show it as typed. */
function control(inside, ctx) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : unescape(inside.slice(bar + 1));
  if (/^@[UWB][A-Z0-9]+$/.test(target)) return userPill(target.slice(1), label, ctx);
  if (/^#[CG][A-Z0-9]+$/.test(target)) return channelLink(target.slice(1), label, ctx);
  if (target.startsWith("!date^")) return dateControl(target, label);
  if (target.startsWith("!subteam^")) return groupPill(target.slice(9), label, ctx);
  if (target.startsWith("!") && BROADCASTS.has(target.slice(1))) return broadcastPill(target.slice(1));
  if (target.startsWith("!") && label) return h("span", {}, label);
  const address = unescape(target);
  if (safeUrl(address)) return link(address, label || address.replace(/^mailto:/, ""));
  return null;
}

export function userPill(id, label, ctx) {
  const user = ctx.world.user(id);
  const name = user?.display ?? label ?? id;
  const mine = id === ctx.world.me?.id;
  return h("span", { class: ["pill", "pill-user", mine && "pill-me"], data: { mention: id }, title: user?.title || id }, `@${name}`);
}

export function channelLink(id, label, ctx) {
  const channel = ctx.world.channel(id);
  const name = channel?.name ?? label ?? "private channel";
  if (!channel) return h("span", { class: "pill pill-channel", data: { mention: id } }, `#${name}`);
  return h(
    "button",
    { type: "button", class: "pill pill-channel", data: { mention: id }, on: { click: () => ctx.world.openChannel(id) } },
    `#${name}`,
  );
}

export function groupPill(id, label, ctx) {
  const known = ctx?.world.group?.(id);
  return h("span", { class: "pill pill-user", data: { mention: id } }, known ? `@${known.handle}` : label ?? `@${id}`);
}

/** A mention that would ring for everyone: drawn so loudly that nobody overlooks an injected one. */
export function broadcastPill(range) {
  return h("strong", { class: "pill pill-broadcast", data: { testid: "broadcast", mention: range } }, `@${range}`);
}

function dateControl(target, fallback) {
  const [, seconds, format, address] = target.split("^");
  const node = dateNode(Number(seconds), format ?? "", fallback ?? "");
  return address && safeUrl(unescape(address)) ? link(unescape(address), node) : node;
}
