/** What this tab knows of the workspace, and who is told when it changes. */

import { FormState } from "./form.js";

/** Topics: place, places, messages, thread, home, stack, connected, traffic, panel, sent. */
export class Store {
  constructor(boot) {
    this.listeners = new Map();
    this.forms = new Map();
    this.drafts = new Map();
    this.dismissed = new Set();
    this.roots = new Map();
    this.replies = new Map();
    this.stack = [];
    this.traffic = [];
    this.homeView = null;
    this.place = null;
    this.thread = null;
    this.online = true;
    this.welcome(boot);
  }

  /** Take the answer of /client/boot, at the start and again after the server was away. */
  welcome(boot) {
    const { team, me, app, commands, shortcuts, connected } = boot;
    Object.assign(this, { team, app, commands, shortcuts, connected });
    this.users = new Map(boot.users.map((user) => [user.id, { ...user, display: user.real_name || user.name }]));
    this.me = this.users.get(me.id) ?? { ...me, display: me.real_name || me.name };
    this.groups = new Map((boot.usergroups ?? []).map((group) => [group.id, group]));
    this.channels = new Map(boot.channels.map((channel) => [channel.id, channel]));
  }

  on(topic, listener) {
    if (!this.listeners.has(topic)) this.listeners.set(topic, new Set());
    this.listeners.get(topic).add(listener);
  }

  emit(topic, detail) {
    for (const listener of this.listeners.get(topic) ?? []) listener(detail);
  }

  /** The typed values of one message or view. */
  form(id) {
    if (!this.forms.has(id)) this.forms.set(id, new FormState());
    return this.forms.get(id);
  }

  get appChannel() {
    return [...this.channels.values()].find((channel) => channel.kind === "dm" && channel.user === this.app.bot_user_id);
  }

  /** `place`: `{kind: "channel", channel}` or `{kind: "home"}`. */
  go(place) {
    this.place = place;
    if (place.channel) this.setUnread(place.channel, 0);
    this.emit("place", place);
  }

  setUnread(id, count) {
    const channel = this.channels.get(id);
    if (!channel) return;
    channel.unread = this.place?.channel === id && document.visibilityState === "visible" ? 0 : count;
    this.emit("places");
  }

  putChannel(channel) {
    this.channels.set(channel.id, { ...this.channels.get(channel.id), ...channel });
    this.emit("places");
  }

  /** A page of history replaces what was known of that channel or thread. */
  fillHistory(channel, threadTs, messages) {
    const known = new Map(messages.map((message) => [message.ts, message]));
    if (threadTs) {
      this.replies.set(threadKey(channel, threadTs), known);
      this.emit("thread");
    } else {
      this.roots.set(channel, known);
      this.emit("messages", channel);
    }
  }

  putMessage(channel, message) {
    const inThread = message.thread_ts && message.thread_ts !== message.ts;
    const thread = this.replies.get(threadKey(channel, message.thread_ts ?? message.ts));
    if (thread && (inThread || thread.has(message.ts))) {
      thread.set(message.ts, message);
      this.emit("thread");
    }
    if (inThread && !message.thread_broadcast && message.subtype !== "thread_broadcast") return;
    this.roots.get(channel)?.set(message.ts, message);
    this.emit("messages", channel);
  }

  dropMessage(channel, ts) {
    this.roots.get(channel)?.delete(ts);
    for (const [key, thread] of this.replies) if (key.startsWith(`${channel}:`)) thread.delete(ts);
    this.forms.delete(`${channel}:${ts}`);
    this.emit("messages", channel);
    this.emit("thread");
  }

  /** Oldest first. */
  list(channel, threadTs) {
    const known = threadTs ? this.replies.get(threadKey(channel, threadTs)) : this.roots.get(channel);
    const shown = [...(known?.values() ?? [])].filter((message) => !this.dismissed.has(`${channel}:${message.ts}`));
    return shown.sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  /** A person put an ephemeral message away; it does not come back with the history. */
  dismiss(channel, ts) {
    this.dismissed.add(`${channel}:${ts}`);
    this.dropMessage(channel, ts);
  }

  openThread(channel, ts) {
    this.thread = { channel, ts };
    this.emit("panel", "thread");
  }

  setStack(stack) {
    this.stack = stack;
    this.emit("stack");
  }

  addTraffic(entry) {
    if (this.traffic.some((known) => known.id === entry.id)) return;
    this.traffic.push(entry);
    if (this.traffic.length > 500) this.traffic.shift();
    this.emit("traffic", entry);
  }
}

const threadKey = (channel, ts) => `${channel}:${ts}`;

/** What the renderer may know of the world around a block; `open` goes to a channel. */
export function worldOf(store, open) {
  return {
    get me() {
      return store.me;
    },
    user: (id) => store.users.get(id),
    channel: (id) => store.channels.get(id),
    group: (id) => store.groups.get(id),
    users: () => [...store.users.values()],
    channels: () => [...store.channels.values()],
    current: () => store.place?.channel,
    openChannel: open,
    fileUrl: (file) => fileUrl(store, file),
  };
}

/** The address of a file on this server, with who asks for it; `file` as Slack has it: id, url or url_private. */
function fileUrl(store, file) {
  const address = file.url ?? file.url_private ?? (file.id ? `/files/${encodeURIComponent(file.id)}/file` : null);
  if (!address) return null;
  const url = new URL(address, location.href);
  if (url.origin === location.origin) url.searchParams.set("user", store.me.id);
  return url.href;
}
