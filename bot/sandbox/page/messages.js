/** A list of messages: grouped by author and day, drawn once and redrawn only where something changed. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, badge } from "./people.js";
import { renderAttachment, renderBlocks } from "./render/blocks.js";
import { messageFile } from "./render/cards.js";
import { agoText, clockTime, dayKey, dayName, exactTime } from "./render/dates.js";
import { openMenu } from "./render/elements.js";
import { mrkdwn } from "./render/text.js";

const GROUP_SECONDS = 300;

/** Keeps the nodes of one list between redraws. `tools`: `{ctxFor(message), reply(message), json(title, value), shortcut, dismiss}`. */
export class MessageList {
  constructor(root, store, tools) {
    Object.assign(this, { root, store, tools });
    this.cache = new Map();
    this.atEnd = true;
    this.scroller = root;
    root.addEventListener("scroll", () => {
      this.atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 60;
      if (this.atEnd) this.jump.hidden = true;
    });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, data: { testid: "jump" }, on: { click: () => this.toEnd() } }, icon("down", 16), "New messages");
    // Pictures and typed answers change heights after they are drawn; stay at the end if we were there.
    new ResizeObserver(() => this.stick()).observe(root);
  }

  stick() {
    if (this.atEnd) this.root.scrollTop = this.root.scrollHeight;
  }

  /** To the newest message, as after sending something. */
  toEnd() {
    this.atEnd = true;
    this.jump.hidden = true;
    this.stick();
  }

  /** Start afresh for another channel or thread. */
  reset() {
    this.cache.clear();
    this.last = "";
    this.toEnd();
  }

  draw(messages, { empty, inThread = false }) {
    const nodes = [];
    let previous = null;
    for (const message of messages) {
      const newDay = !previous || dayKey(previous.ts) !== dayKey(message.ts);
      if (newDay) nodes.push(h("div", { class: "day", role: "separator" }, h("span", {}, dayName(message.ts))));
      nodes.push(this.node(message, newDay || !follows(previous, message), inThread));
      previous = message;
    }
    if (!messages.length && empty) nodes.push(empty());
    const held = focusIn(this.root);
    this.place(nodes);
    held?.();
    const last = messages.at(-1)?.ts ?? "";
    if (this.last && Number(last) > Number(this.last) && !this.atEnd) this.jump.hidden = false;
    this.last = last;
    this.stick();
  }

  /** Put the nodes in order, moving only those that are not already in place (a moved node loses focus). */
  place(nodes) {
    const wanted = new Set(nodes);
    for (const child of [...this.root.children]) if (!wanted.has(child)) child.remove();
    nodes.forEach((node, at) => {
      if (this.root.children[at] !== node) this.root.insertBefore(node, this.root.children[at] ?? null);
    });
  }

  node(message, head, inThread) {
    const look = JSON.stringify([message, head]);
    const known = this.cache.get(message.ts);
    if (known?.look === look) return known.node;
    const node = messageNode(message, { head, inThread }, this.store, this.tools);
    for (const image of node.querySelectorAll("img")) image.addEventListener("load", () => this.stick(), { once: true });
    this.cache.set(message.ts, { look, node });
    return node;
  }
}

/** A function that brings focus back to the same element of the same block after a redraw. */
function focusIn(root) {
  const focused = document.activeElement;
  const action = root.contains(focused) && focused.closest("[data-action-id]")?.dataset.actionId;
  const ts = action && focused.closest("[data-ts]")?.dataset.ts;
  if (!ts) return null;
  return () => {
    if (!root.contains(document.activeElement)) root.querySelector(`[data-ts="${CSS.escape(ts)}"] [data-action-id="${CSS.escape(action)}"]`)?.focus();
  };
}

const author = (message) => message.bot_id ?? message.user ?? message.username;

function follows(previous, message) {
  if (message.ephemeral || previous.ephemeral) return false;
  return author(previous) === author(message) && previous.username === message.username && Number(message.ts) - Number(previous.ts) < GROUP_SECONDS;
}

function messageNode(message, { head, inThread }, store, tools) {
  const user = store.users.get(message.user) ?? (message.bot_id ? store.users.get(store.app.bot_user_id) : undefined);
  const name = message.local ? "Local Slack" : (message.bot_id && message.username) || user?.display || message.username || "Somebody";
  const time = h("time", { class: "message-time", datetime: new Date(Number(message.ts) * 1000).toISOString(), title: exactTime(message.ts) }, clockTime(message.ts));
  const node = h(
    "article",
    { class: ["message", head && "message-head", message.ephemeral && "message-ephemeral", message.local && "message-local"], data: { testid: "message", ts: message.ts, ephemeral: message.ephemeral ? "true" : null }, "aria-label": `${name} at ${clockTime(message.ts)}`, tabindex: -1 },
    h("div", { class: "message-side" }, head ? (message.local ? h("span", { class: "avatar avatar-local", "aria-hidden": "true" }, icon("info", 18)) : avatar(user, 36)) : time),
    h(
      "div",
      { class: "message-main" },
      message.ephemeral && h("div", { class: "only-you" }, icon("eye", 14), "Only visible to you", h("button", { type: "button", class: "btn-bare dismiss", data: { testid: "dismiss" }, on: { click: () => tools.dismiss(message) } }, "Dismiss")),
      head && h("div", { class: "message-meta" }, h("strong", { class: "message-author" }, name), badge(user), time),
      body(message, tools.ctxFor(message)),
      !inThread && message.reply_count > 0 && replies(message, store, tools),
    ),
    !message.local && toolbar(message, inThread, store, tools),
  );
  return node;
}

function body(message, ctx) {
  // A person's rich text is made by the server from what they typed; the text still has their marks and emoji.
  const shown = message.blocks?.length && message.bot_id ? renderBlocks(message.blocks, ctx) : message.text && h("div", { class: "message-text" }, mrkdwn(message.text, ctx));
  return h(
    "div",
    { class: "message-body" },
    shown,
    message.edited && !message.ephemeral && h("span", { class: "edited" }, "(edited)"),
    message.attachments?.map((attachment) => renderAttachment(attachment, ctx)),
    message.files?.map((file) => messageFile(file, ctx)),
  );
}

function replies(message, store, tools) {
  const faces = (message.reply_users ?? []).slice(0, 4).map((id) => avatar(store.users.get(id), 22));
  const count = message.reply_count;
  return h("button", { type: "button", class: "reply-count", data: { testid: "reply-count" }, on: { click: () => tools.reply(message) } }, h("span", { class: "faces" }, faces), `${count} ${count === 1 ? "reply" : "replies"}`, message.latest_reply && h("small", {}, agoText(message.latest_reply)));
}

function toolbar(message, inThread, store, tools) {
  const button = (glyph, label, run, testid) => h("button", { type: "button", class: "btn-bare", "aria-label": label, title: label, data: { testid }, on: { click: run } }, icon(glyph));
  const more = h("button", { type: "button", class: "btn-bare", "aria-label": "Message shortcuts", title: "Message shortcuts", "aria-haspopup": "menu", "aria-expanded": "false", data: { testid: "message-shortcuts" } }, icon("bolt"));
  const shortcuts = store.shortcuts.filter((shortcut) => shortcut.type === "message");
  more.addEventListener("click", () => openMenu(more, shortcuts.map((shortcut) => ({ label: shortcut.name, note: shortcut.description, value: shortcut.callback_id, run: () => tools.shortcut(shortcut, message) })), { label: "Message shortcuts" }));
  return h("div", { class: "message-tools", role: "toolbar", "aria-label": "Message actions" }, !inThread && !message.ephemeral && button("reply", "Reply in thread", () => tools.reply(message), "reply"), !message.ephemeral && shortcuts.length > 0 && more, button("code", "View JSON", () => tools.json("Message", message), "view-json"));
}

/** What an empty channel says. */
export function emptyChannel(channel, store) {
  const person = channel.kind === "dm" ? store.users.get(channel.user) : null;
  const title = person ? `You and ${person.display}` : `#${channel.name}`;
  const hint = person?.is_bot ? "Write to the app, or start with a slash command." : person ? "Nothing written yet." : channel.topic || "Nothing written yet.";
  return h("div", { class: "empty" }, person ? avatar(person, 56) : h("span", { class: "empty-mark", "aria-hidden": "true" }, "#"), h("h2", {}, title), h("p", {}, hint));
}

/** Announce the newest message to screen readers. */
export function announce(region, message, store) {
  const who = message.username || store.users.get(message.user)?.display || "Somebody";
  fill(region, `${who}: ${(message.text ?? "").slice(0, 200)}`);
}
