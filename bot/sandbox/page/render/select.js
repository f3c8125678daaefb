/** Select menus, single and multi, as one ARIA combobox: static, external (type-ahead), users, channels … */

import { debounce, fill, h, layerFor, place, uid } from "../dom.js";
import { icon } from "../icons.js";
import { bareText, plain, textNode } from "./text.js";

const KEYS = { static: "option", external: "option", users: "user", conversations: "conversation", channels: "channel" };

/** `{text, value}` or an id, as a list entry: key, label (string), draw (node), raw (what Slack sends). */
function fromOption(option, ctx) {
  if (!option?.text || typeof option.value !== "string") throw new TypeError("an option needs text and value");
  return {
    key: option.value,
    label: plain(bareText(option.text)).textContent,
    draw: () => [textNode(option.text, ctx), option.description && h("small", {}, textNode(option.description, ctx))],
    raw: option,
  };
}

function fromUser(id, ctx) {
  const user = ctx.world.user(id);
  return { key: id, label: user?.display ?? id, draw: () => [h("span", {}, user?.display ?? id), user?.title && h("small", {}, user.title)], raw: id };
}

function fromChannel(id, ctx) {
  const channel = ctx.world.channel(id);
  if (channel?.kind === "dm") return { ...fromUser(channel.user, ctx), key: id, raw: id };
  const label = channel ? `#${channel.name}` : id;
  return { key: id, label, draw: () => [label], raw: id };
}

function conversationAllowed(channel, filter, ctx) {
  if (channel.is_archived) return false;
  if (!filter) return true;
  const kind = { channel: "public", private: "private", dm: "im" }[channel.kind];
  if (filter.include && !filter.include.includes(kind)) return false;
  if (filter.exclude_external_shared_channels && channel.is_ext_shared) return false;
  return !(filter.exclude_bot_users && channel.kind === "dm" && ctx.world.user(channel.user)?.is_bot);
}

/** Where the entries come from: `load(query)` resolves to `[{label?, items}]`; `initial` are entries. */
function sourceOf(element, ctx, kind) {
  const many = element.type.startsWith("multi_");
  const first = many ? element[`initial_${KEYS[kind]}s`] : element[`initial_${KEYS[kind]}`] && [element[`initial_${KEYS[kind]}`]];
  const local = (items) => ({ load: async (query) => [{ items: items().filter((item) => item.label.toLowerCase().includes(query.toLowerCase())) }], local: true });
  if (kind === "users") {
    const people = () => ctx.world.users().filter((user) => !user.deleted).map((user) => fromUser(user.id, ctx));
    return { ...local(people), initial: (first ?? []).map((id) => fromUser(id, ctx)), wrap: (id) => fromUser(id, ctx) };
  }
  if (kind === "channels" || kind === "conversations") {
    const fits = (channel) => (kind === "channels" ? channel.kind === "channel" && !channel.is_archived : conversationAllowed(channel, element.filter, ctx));
    const here = element.default_to_current_conversation && ctx.world.current?.() ? [ctx.world.current()] : [];
    const places = () => ctx.world.channels().filter(fits).map((channel) => fromChannel(channel.id, ctx));
    return { ...local(places), initial: (first ?? here).map((id) => fromChannel(id, ctx)), wrap: (id) => fromChannel(id, ctx) };
  }
  const initial = (first ?? []).map((option) => fromOption(option, ctx));
  const wrap = (option) => fromOption(option, ctx);
  const group = ({ options, option_groups: groups }) =>
    groups
      ? groups.map((part) => ({ label: bareText(part.label), items: (part.options ?? []).map(wrap) }))
      : [{ items: (options ?? []).map(wrap) }];
  if (kind === "external") {
    const load = async (query) => {
      const answer = await ctx.suggest(ctx.blockId, element.action_id, query);
      if (!answer.ok) throw new Error(answer.error ?? "no answer");
      return group(answer);
    };
    return { load, initial, wrap, minimum: element.min_query_length ?? 3 };
  }
  if (!element.options && !element.option_groups) throw new TypeError(`${element.type} needs options or option_groups`);
  const groups = group(element);
  const load = async (query) => groups.map((part) => ({ ...part, items: part.items.filter((item) => item.label.toLowerCase().includes(query.toLowerCase())) })).filter((part) => part.items.length);
  return { load, initial, wrap, local: true };
}

/** Any of the ten select elements. */
export function selectMenu(element, ctx) {
  const [, multi, kind] = /^(multi_)?(\w+)_select$/.exec(element.type);
  return new Select(element, ctx, Boolean(multi), kind).node;
}

class Select {
  constructor(element, ctx, many, kind) {
    Object.assign(this, { element, ctx, many, source: sourceOf(element, ctx, kind) });
    this.field = many ? `selected_${KEYS[kind]}s` : `selected_${KEYS[kind]}`;
    const start = this.source.initial.map((item) => item.raw);
    const known = ctx.form.claim(ctx.blockId, element.action_id, element.type, { [this.field]: many ? start : start[0] ?? null }, {
      input: Boolean(ctx.input),
      optional: ctx.input?.optional === true,
      element,
    })[this.field];
    this.chosen = (many ? known : known ? [known] : []).map(this.source.wrap);
    this.listId = uid("list");
    this.turn = 0;
    this.build();
  }

  build() {
    const { element, ctx } = this;
    this.input = h("input", {
      id: ctx.controlId,
      class: "select-input",
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-controls": this.listId,
      "aria-autocomplete": "list",
      "aria-label": ctx.input ? null : bareText(element.placeholder) || element.action_id,
      "aria-describedby": ctx.describedBy,
      "aria-invalid": ctx.invalid ? "true" : null,
      data: { actionId: element.action_id, autofocus: element.focus_on_load ? "" : null },
      on: {
        input: () => this.openSoon(),
        click: () => this.open(),
        keydown: (event) => this.key(event),
        blur: () => this.close(),
        focus: () => this.input.select(),
      },
    });
    this.chips = h("span", { class: "select-chips" });
    this.clear = h("button", { type: "button", class: "btn-bare select-clear", "aria-label": "Clear selection", on: { click: () => this.choose([]) } }, icon("close", 14));
    this.node = h("div", { class: ["select", this.many && "select-multi"] }, this.chips, this.input, this.clear, icon("down", 16));
    this.node.addEventListener("click", (event) => {
      if (event.target === this.node || event.target === this.chips) this.input.focus();
    });
    this.load = debounce(this.source.local ? 0 : 220, () => this.ask());
    this.show();
  }

  /** Draw what is chosen. */
  show() {
    const placeholder = bareText(this.element.placeholder) || (this.many ? "Select options" : "Select an option");
    this.input.placeholder = this.many && this.chosen.length ? "" : placeholder;
    if (this.many) {
      this.input.value = "";
      fill(this.chips, this.chosen.map((item) => h("span", { class: "chip", data: { value: item.key } }, item.label, h("button", { type: "button", class: "btn-bare", "aria-label": `Remove ${item.label}`, on: { click: () => this.choose(this.chosen.filter((other) => other.key !== item.key)) } }, icon("close", 12)))));
    } else this.input.value = this.chosen[0]?.label ?? "";
    this.clear.hidden = this.many || !this.chosen.length || !this.ctx.input?.optional;
  }

  async choose(items) {
    const before = this.chosen;
    this.set(items);
    const { ctx, element } = this;
    if (ctx.input && !ctx.input.dispatch_action) return;
    if (!(await ctx.fire(ctx, element, { [this.field]: this.value() }, this.node))) this.set(before);
  }

  set(items) {
    this.chosen = items;
    this.ctx.form.set(this.ctx.blockId, this.element.action_id, { [this.field]: this.value() });
    this.show();
  }

  value() {
    const raw = this.chosen.map((item) => item.raw);
    return this.many ? raw : raw[0] ?? null;
  }

  query() {
    const text = this.input.value.trim();
    return !this.many && text === this.chosen[0]?.label ? "" : text;
  }

  openSoon() {
    this.open(false);
    this.load();
  }

  open(load = true) {
    if (!this.popup) {
      this.popup = h("div", { class: "listbox", role: "listbox", id: this.listId, "aria-multiselectable": this.many ? "true" : null, on: { pointerdown: (event) => event.preventDefault() } });
      layerFor(this.node).append(this.popup);
      this.input.setAttribute("aria-expanded", "true");
      this.unplace = () => this.position();
      addEventListener("scroll", this.unplace, true);
      addEventListener("resize", this.unplace);
      this.say("Loading …");
    }
    if (load) this.ask();
  }

  position() {
    if (this.popup) place(this.popup, this.node, { matchWidth: true });
  }

  /** Close the list; unless `restore` is false, an emptied optional field is cleared and others get their text back. */
  close(restore = true) {
    if (!this.popup) return;
    this.popup.remove();
    this.popup = null;
    this.turn += 1;
    removeEventListener("scroll", this.unplace, true);
    removeEventListener("resize", this.unplace);
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    if (!restore) return;
    const emptied = !this.many && this.input.value.trim() === "" && this.chosen.length && this.ctx.input?.optional;
    if (emptied) this.choose([]);
    else this.show();
  }

  say(text, wrong = false) {
    fill(this.popup, h("div", { class: ["listbox-note", wrong && "listbox-wrong"], role: wrong ? "alert" : "status", data: { testid: "select-note" } }, text));
    this.position();
  }

  /** Load and show the entries for what is typed; an answer that comes after a newer question is dropped. */
  async ask() {
    if (!this.popup) return;
    const turn = (this.turn += 1);
    const query = this.query();
    if (query.length < (this.source.minimum ?? 0)) {
      this.say(`Type at least ${this.source.minimum} character${this.source.minimum === 1 ? "" : "s"} to search`);
      return;
    }
    if (!this.source.local) this.popup.setAttribute("aria-busy", "true");
    try {
      const groups = await this.source.load(query);
      if (turn === this.turn && this.popup) this.list(groups);
    } catch (error) {
      if (turn === this.turn && this.popup) this.say(`Could not load options (${error.message})`, true);
    } finally {
      if (turn === this.turn) this.popup?.removeAttribute("aria-busy");
    }
  }

  list(groups) {
    if (!groups.some((group) => group.items.length)) {
      this.say("No results");
      return;
    }
    const taken = new Set(this.chosen.map((item) => item.key));
    const option = (item) => h("div", { class: "option", role: "option", id: uid("option"), "aria-selected": String(taken.has(item.key)), data: { testid: "option", value: item.key }, on: { click: () => this.pick(item), pointermove: (event) => this.point(event.currentTarget) } }, h("span", { class: "option-text" }, item.draw()), taken.has(item.key) && icon("check", 16));
    fill(this.popup, groups.map((group) => (group.label ? h("div", { role: "group", "aria-label": group.label }, h("div", { class: "option-group" }, group.label), group.items.map(option)) : group.items.map(option))));
    this.position();
    this.point(this.popup.querySelector('[aria-selected="true"]') ?? this.popup.querySelector(".option"));
  }

  point(node) {
    for (const other of this.popup.querySelectorAll(".active")) other.classList.remove("active");
    node?.classList.add("active");
    node?.scrollIntoView({ block: "nearest" });
    if (node) this.input.setAttribute("aria-activedescendant", node.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  pick(item) {
    if (!this.many) {
      this.close(false);
      this.choose([item]);
      return;
    }
    const has = this.chosen.some((other) => other.key === item.key);
    const most = this.element.max_selected_items ?? Infinity;
    if (!has && this.chosen.length >= most) {
      this.say(`You can choose at most ${most}`, true);
      return;
    }
    this.close(false);
    this.choose(has ? this.chosen.filter((other) => other.key !== item.key) : [...this.chosen, item]);
    this.input.focus();
  }

  key(event) {
    if (event.key === "Escape" && this.popup) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
      return;
    }
    if (event.key === "Backspace" && this.many && !this.input.value && this.chosen.length) {
      this.choose(this.chosen.slice(0, -1));
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!this.popup) return void this.open();
      const nodes = [...this.popup.querySelectorAll(".option")];
      if (nodes.length) this.point(nodes[(nodes.indexOf(this.popup.querySelector(".active")) + step + nodes.length) % nodes.length]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.popup) this.popup.querySelector(".active")?.click();
      else this.open();
    }
  }
}
