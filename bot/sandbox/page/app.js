/** Start: who is acting, the first answers of the server, and the wiring between the parts. */

import { Api, ServerGone } from "./api.js";
import { confirmDialog, toast } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { startFaults } from "./faults.js";
import { startHome } from "./home.js";
import { icon } from "./icons.js";
import { startInspector } from "./inspector.js";
import { jsonView } from "./json.js";
import { startMain } from "./main.js";
import { announce } from "./messages.js";
import { TROUBLE, startModals } from "./modal.js";
import { Panel } from "./panel.js";
import { startSidebar } from "./sidebar.js";
import { Store, worldOf } from "./store.js";
import { startTheme } from "./theme.js";
import { startThread } from "./thread.js";

const DEFAULT_USER = "U0ADA";
const KEYS = { user: "local-slack:user", place: "local-slack:place" };
const $ = (id) => document.getElementById(id);

/** Failures of which the server tells the person itself, as an event of type notice. */
const TOLD = new Set(["dispatch_failed", "operation_timeout", "invalid_response", "unknown_command", "not_supported_in_threads"]);

function start(boot, api) {
  const store = new Store(boot);
  const panel = new Panel($("panel"), () => {
    store.thread = null;
    store.emit("panel", null);
  });
  const tools = makeTools(store, api, panel);
  const go = (place) => {
    document.body.classList.remove("drawer-open");
    store.go(place);
  };
  startSidebar($("sidebar"), store, {
    go,
    become: (user) => location.assign(`?${new URLSearchParams({ user, channel: placeName(store.place) })}`),
    dm: async (other) => {
      const answer = await tools.attempt(() => api.dm(other), "The conversation");
      if (!answer) return;
      const id = typeof answer.channel === "string" ? answer.channel : answer.channel.id;
      store.putChannel(typeof answer.channel === "string" ? { id, kind: "dm", user: other, name: id, unread: 0 } : answer.channel);
      go({ kind: "channel", channel: id });
    },
  });
  startModals(document.body, store, tools);
  startThread(store, panel, tools);
  const home = startHome(store, tools);
  startMain($("main"), store, tools, home);
  const traffic = startInspector(store, panel, tools);
  const faults = startFaults(panel, tools);
  for (const [id, open] of [["open-traffic", traffic], ["open-faults", faults]]) {
    $(id).addEventListener("click", () => ($("panel").hidden || $("panel").dataset.testid !== `${id.slice(5)}-panel` ? open() : panel.close()));
  }
  store.on("place", (place) => {
    localStorage.setItem(KEYS.place, placeName(place));
    history.replaceState(null, "", `?${new URLSearchParams({ user: store.me.id, channel: placeName(place) })}`);
    const name = place.kind === "home" ? store.app.name : store.channels.get(place.channel)?.name;
    document.title = `${name ?? "Messages"} · ${store.me.display} · Local Slack`;
    if (store.thread && store.thread.channel !== place.channel) panel.close();
  });
  follow(store, api, tools);
  store.go(firstPlace(store));
}

const placeName = (place) => (place?.kind === "home" ? "home" : place?.channel ?? "");

function firstPlace(store) {
  const wanted = new URLSearchParams(location.search).get("channel") || localStorage.getItem(KEYS.place);
  if (wanted === "home") return { kind: "home" };
  const known = store.channels.has(wanted) ? wanted : [...store.channels.values()].find((channel) => channel.kind === "channel" && !channel.is_archived && channel.is_member !== false)?.id;
  return known ? { kind: "channel", channel: known } : { kind: "home" };
}

/** What the parts may do: call the server, tell the person, open JSON, make a renderer's context. */
function makeTools(store, api, panel) {
  const open = (channel) => store.go({ kind: "channel", channel });
  const world = worldOf(store, open);
  const tools = {
    api,
    world,
    failed: (error) => toast("error", error instanceof ServerGone ? `The local server does not answer. ${error.message}` : error.message),
    notice: (level, text, channel) => (channel ? store.putMessage(channel, localNote(channel, text)) : toast(level, text)),
    refused: (error, what, channel) => TOLD.has(error) || tools.notice("error", `${what} did not work: ${error ?? "no reason given"}.`, channel),
    json: (title, value) => panel.show(h("span", {}, icon("code", 16), ` ${title}`), jsonView(value), "json-panel"),
    dismiss: (message) => store.dismiss(message.channel, message.ts),
    shortcut: (shortcut, message) => tools.attempt(() => api.shortcut({ type: "message", callback_id: shortcut.callback_id, channel: message.channel, ts: message.ts }), shortcut.name),
    reply: (message) => store.openThread(message.channel, message.thread_ts ?? message.ts),
    async attempt(call, what) {
      try {
        const answer = await call();
        if (answer.ok) return answer;
        tools.refused(answer.error, what);
      } catch (error) {
        tools.failed(error);
      }
      return null;
    },
    ctxFor: (message) => context(message.channel, `${message.channel}:${message.ts}`, "message", { type: "message", channel: message.channel, ts: message.ts, ephemeral: message.ephemeral === true || undefined }),
    viewCtx: (view, form, submit) => ({ ...context(null, view.id, view.type, { type: "view", view_id: view.id }), form, submit }),
  };
  const context = (channel, id, surface, container) => {
    const form = store.form(id);
    const ctx = {
      world,
      surface,
      form,
      act: (block_id, action) => tools.attempt(() => api.action({ container, block_id, action_id: action.action_id, action, state: { values: form.values() } }), "That"),
      suggest: (block_id, action_id, value) => api.suggest({ container, block_id, action_id, value }),
      upload: (file) => api.upload(file, channel ?? undefined),
      confirm: (object) => confirmDialog(object, ctx),
    };
    return ctx;
  };
  return tools;
}

let lastNote = 0;
/** A line of our own in a channel, seen only here. */
function localNote(channel, text) {
  lastNote = Math.max(lastNote + 1, Date.now() * 1000);
  return { ts: (lastNote / 1e6).toFixed(6), channel, username: "Local Slack", text: text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"), ephemeral: true, local: true };
}

/** Listen to the server and bring the tab up to date after it was away. */
function follow(store, api, tools) {
  const heard = {
    message: ({ channel, message }) => {
      store.putMessage(channel, message);
      if (channel === store.place?.channel && message.user !== store.me.id) announce($("live"), message, store);
    },
    message_changed: ({ channel, message }) => store.putMessage(channel, message),
    message_deleted: ({ channel, ts }) => store.dropMessage(channel, ts),
    ephemeral: ({ channel, message }) => {
      store.putMessage(channel, { ...message, ephemeral: true });
      announce($("live"), message, store);
    },
    ephemeral_deleted: ({ channel, ts }) => store.dropMessage(channel, ts),
    home: ({ view }) => {
      store.homeView = view;
      store.emit("home");
    },
    unread: ({ channel, unread }) => store.setUnread(channel, unread),
    channel: ({ channel }) => store.putChannel(channel),
    connected: ({ connected }) => {
      store.connected = connected;
      store.emit("connected");
    },
    // A modal that is open says this itself, with what was typed still in it.
    notice: ({ level, text, channel }) => (text === TROUBLE && store.stack.length) || tools.notice(level, text, channel),
    traffic: ({ entry }) => store.addTraffic(entry),
  };
  for (const type of ["view_opened", "view_pushed", "view_updated", "view_closed"]) heard[type] = ({ stack }) => store.setStack(stack);
  const onState = async (online) => {
    const back = online && !store.online;
    store.online = online;
    $("offline").hidden = online;
    if (!back) return;
    store.welcome(await api.boot());
    for (const topic of ["places", "connected"]) store.emit(topic);
    store.emit("place", store.place);
    await restore(store, api);
  };
  api.follow((event) => heard[event.type]?.(event), onState);
}

/** Modals and App Home as they are after the server was away. (A reload closes modals, as in Slack.) */
async function restore(store, api) {
  const { stack, home } = await api.views();
  if (home) {
    store.homeView = home;
    store.emit("home");
  }
  store.setStack(stack ?? []);
}

async function main() {
  startTheme($("theme-toggle"));
  $("menu-toggle").addEventListener("click", () => document.body.classList.toggle("drawer-open"));
  $("scrim").addEventListener("click", () => document.body.classList.remove("drawer-open"));
  const user = new URLSearchParams(location.search).get("user") || localStorage.getItem(KEYS.user) || DEFAULT_USER;
  const api = new Api(user);
  try {
    const boot = await api.boot();
    if (!boot.me) throw new Error(boot.error ?? "the server knows no such person");
    localStorage.setItem(KEYS.user, user);
    start(boot, api);
    document.body.dataset.ready = "true";
  } catch (error) {
    localStorage.removeItem(KEYS.user);
    fill($("main"), h("div", { class: "empty", role: "alert" }, h("span", { class: "empty-mark" }, icon("fault", 28)), h("h2", {}, "The local Slack could not start"), h("p", {}, error.message), h("a", { class: "btn btn-primary", href: location.pathname }, "Try again")));
    throw error;
  }
}

main();
