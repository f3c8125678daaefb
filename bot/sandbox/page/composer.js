/** The message box: completion, files, global shortcuts; Enter sends, Shift+Enter makes a new line. */

import { completion } from "./complete.js";
import { fill, h, uid } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./render/elements.js";

const COMMAND = /^(\/\S+)(?:\s+([\s\S]*))?$/;

/** Why this person cannot write here, or null. */
function closedBecause(store, channel) {
  const place = store.channels.get(channel);
  if (store.me.deleted) return "This account is deactivated.";
  if (place?.is_archived) return "This channel is archived. It can be read, not written.";
  if (place?.is_member === false) return `${store.me.display} is not a member of this channel.`;
  return null;
}

/** Public channels are open to everybody who is not a guest. */
function joinButton(store, channel, tools) {
  const place = store.channels.get(channel);
  const outsider = store.me.deleted || store.me.is_restricted || store.me.is_stranger;
  if (outsider || place?.kind !== "channel" || place.is_archived || place.is_member !== false) return null;
  const join = async () => {
    const answer = await tools.attempt(() => tools.api.join(channel), "Joining");
    if (!answer) return;
    store.putChannel(answer.channel);
    store.go({ kind: "channel", channel });
  };
  return h("button", { type: "button", class: "btn btn-small", data: { testid: "join" }, on: { click: join } }, "Join channel");
}

/** A composer for a channel or (with `threadTs`) a thread. `tools`: `{api, notice(level, text), failed(error)}`. */
export function composer(store, { channel, threadTs, tools, label }) {
  const closed = closedBecause(store, channel);
  if (closed) return h("div", { class: "composer-closed", data: { testid: "composer-closed" } }, closed, joinButton(store, channel, tools));
  return new Composer(store, channel, threadTs, tools, label).node;
}

class Composer {
  constructor(store, channel, threadTs, tools, label) {
    Object.assign(this, { store, channel, threadTs, tools, draftKey: `${channel}:${threadTs ?? ""}` });
    this.files = [];
    this.uploads = Promise.resolve();
    this.failed = 0;
    this.waiting = false;
    const id = uid("composer");
    this.hint = h("div", { class: "composer-hint", id: `${id}-hint` });
    this.area = h("textarea", { id, rows: 1, class: "composer-text", placeholder: label, "aria-label": label, "aria-describedby": `${id}-hint`, "aria-autocomplete": "list", value: store.drafts.get(this.draftKey) ?? "", data: { testid: threadTs ? "thread-composer" : "composer" } });
    this.fileList = h("ul", { class: "file-list composer-files", "aria-live": "polite" });
    const picker = h("input", { type: "file", multiple: true, hidden: true, data: { testid: "composer-file" }, on: { change: () => this.attach(picker) } });
    const shortcuts = this.shortcutButton();
    this.sendButton = this.button("send", "Send", () => this.send(), "send");
    this.node = h("div", { class: "composer-wrap" }, h("div", { class: "composer" }, this.fileList, this.area, h("div", { class: "composer-tools" }, this.button("clip", "Attach files", () => picker.click(), "attach"), shortcuts, picker, this.hint, this.sendButton)));
    completion(this.area, store, { commands: !threadTs, host: this.node, onSend: () => this.send() });
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.upload([...event.clipboardData.files]);
    });
    this.typed();
    // Before it stands in the page the box has no height to measure.
    requestAnimationFrame(() => this.typed());
  }

  button(glyph, label, run, testid) {
    return h("button", { type: "button", class: "btn-bare", "aria-label": label, title: label, data: { testid }, on: { click: run } }, icon(glyph));
  }

  shortcutButton() {
    const shortcuts = this.store.shortcuts.filter((shortcut) => shortcut.type === "global");
    if (!shortcuts.length || this.threadTs) return null;
    const button = h("button", { type: "button", class: "btn-bare", "aria-label": "Shortcuts", title: "Shortcuts", "aria-haspopup": "menu", "aria-expanded": "false", data: { testid: "shortcuts" } }, icon("bolt"));
    button.addEventListener("click", () => openMenu(button, shortcuts.map((shortcut) => ({ label: shortcut.name, note: shortcut.description, value: shortcut.callback_id, run: () => this.shortcut(shortcut) })), { align: "start", label: "Shortcuts" }));
    return button;
  }

  async shortcut(shortcut) {
    await this.attempt(() => this.tools.api.shortcut({ type: "global", callback_id: shortcut.callback_id }), shortcut.name);
  }

  typed() {
    const { area } = this;
    this.store.drafts.set(this.draftKey, area.value);
    area.style.height = "auto";
    if (area.scrollHeight) area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.4)}px`;
    const command = COMMAND.exec(area.value);
    const known = command && this.store.commands.find((one) => one.command === command[1]);
    fill(this.hint, known && !this.threadTs ? [h("code", {}, `${known.command} ${known.usage_hint ?? ""}`), " ", known.description ?? ""] : "");
    this.sendButton.disabled = !area.value.trim() && !this.files.length;
  }

  attach(picker) {
    const chosen = [...picker.files];
    picker.value = "";
    return this.upload(chosen);
  }

  upload(chosen) {
    this.uploads = this.uploads.then(() => this.uploaded(chosen));
    return this.uploads;
  }

  async uploaded(chosen) {
    for (const file of chosen) {
      const wait = h("li", { class: "file-wait" }, `Uploading ${file.name} …`);
      this.fileList.append(wait);
      const answer = await this.tools.api.upload(file, this.channel).catch((error) => ({ ok: false, error: error.message }));
      wait.remove();
      if (answer.ok) this.files.push(answer.file);
      else {
        this.failed += 1;
        this.tools.notice("error", `${file.name} could not be uploaded: ${answer.error}`);
      }
    }
    this.drawFiles();
  }

  drawFiles() {
    fill(this.fileList, this.files.map((file) => h("li", {}, icon("file", 16), h("span", { class: "file-name" }, file.name), h("button", { type: "button", class: "btn-bare", "aria-label": `Remove ${file.name}`, on: { click: () => this.dropFile(file) } }, icon("close", 14)))));
    this.typed();
  }

  dropFile(file) {
    this.files = this.files.filter((other) => other !== file);
    this.drawFiles();
  }

  /** Files that are still on their way belong to the message: it goes when they are there, and stays if one fails. */
  async send() {
    if (this.waiting) return;
    const { failed } = this;
    this.waiting = true;
    await this.uploads;
    this.waiting = false;
    if (this.failed === failed) await this.sendNow();
  }

  async sendNow() {
    const text = this.area.value.trim();
    if (!text && !this.files.length) return;
    const command = COMMAND.exec(text);
    const done = command && !this.files.length ? await this.command(command[1], command[2] ?? "") : await this.message(text);
    if (done) {
      this.files = [];
      this.drawFiles();
    }
  }

  /** Clears the box at once, as a person expects, and gives the text back if nothing came of it. */
  async attempt(call, what, text = "") {
    if (text) this.setText("");
    this.store.emit("sent", this.threadTs ? `${this.channel}:${this.threadTs}` : this.channel);
    try {
      const answer = await call();
      if (answer.ok) return true;
      this.tools.refused(answer.error, what, this.channel);
    } catch (error) {
      this.tools.failed(error);
      if (text && !this.area.value) this.setText(text);
    }
    return false;
  }

  setText(text) {
    this.area.value = text;
    this.typed();
  }

  command(name, rest) {
    if (this.threadTs) {
      this.tools.notice("error", `${name} is not supported in threads. Sorry!`, this.channel);
      return false;
    }
    const body = { channel: this.channel, command: name, text: rest };
    return this.attempt(() => this.tools.api.command(body), name, this.area.value);
  }

  message(text) {
    const body = { channel: this.channel, text, thread_ts: this.threadTs, file_ids: this.files.map((file) => file.id) };
    return this.attempt(() => this.tools.api.message(body), "Your message", this.area.value);
  }
}
