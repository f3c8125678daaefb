/** The left side: workspace, who is acting, the app, channels and direct messages. */

import { fill, h, layerFor, place } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, badge, channelIcon, standing } from "./people.js";

const CONNECTED = { socket: "App connected by Socket Mode", http: "App reached over HTTP", none: "App not connected" };

/** `actions`: `{go(place), dm(user), become(user)}`. */
export function startSidebar(root, store, actions) {
  const nav = h("nav", { "aria-label": "Channels and people", class: "places" });
  const status = h("p", { class: "app-status", role: "status", data: { testid: "app-status" } });
  fill(root, h("div", { class: "workspace" }, h("span", { class: "workspace-mark", "aria-hidden": "true" }, store.team.name.slice(0, 1)), h("div", {}, h("div", { class: "workspace-name" }, store.team.name), h("div", { class: "workspace-kind" }, "Local Slack"))), nav, h("div", { class: "sidebar-foot" }, status, userSwitch(store, actions)));
  const draw = () => {
    fill(nav, sections(store, actions));
    status.className = `app-status app-${store.connected}`;
    status.textContent = CONNECTED[store.connected] ?? store.connected;
  };
  for (const topic of ["place", "places", "connected"]) store.on(topic, draw);
  draw();
}

function sections(store, actions) {
  const channels = [...store.channels.values()];
  const named = channels.filter((channel) => channel.kind !== "dm").sort((a, b) => Number(a.is_archived) - Number(b.is_archived) || a.name.localeCompare(b.name));
  const app = store.users.get(store.app.bot_user_id);
  const dms = channels.filter((channel) => channel.kind === "dm" && channel.user !== store.app.bot_user_id);
  const strangers = [...store.users.values()].filter((user) => user.id !== store.me.id && user.id !== store.app.bot_user_id && !dms.some((dm) => dm.user === user.id));
  const appUnread = store.appChannel?.unread ?? 0;
  const atApp = store.place?.kind === "home" || (store.appChannel && store.place?.channel === store.appChannel.id);
  return [
    section("Apps", [item({ label: store.app.name, lead: avatar(app, 20), current: atApp, unread: appUnread, testid: "app-home", run: () => actions.go({ kind: "home" }) })]),
    section("Channels", named.map((channel) => channelItem(channel, store, actions))),
    section("Direct messages", [...dms.map((dm) => personItem(store.users.get(dm.user), store, actions, dm)), ...strangers.map((user) => personItem(user, store, actions, null))]),
  ];
}

const section = (title, items) => h("section", {}, h("h2", {}, title), h("ul", {}, items.map((node) => h("li", {}, node))));

function item({ label, lead, current, unread, tail, testid, run, muted }) {
  return h(
    "button",
    { type: "button", class: ["place", current && "is-current", unread && "is-unread", muted && "is-muted"], "aria-current": current ? "page" : null, data: { testid }, on: { click: run } },
    lead,
    h("span", { class: "place-name" }, label),
    tail,
    unread ? h("span", { class: "unread" }, h("span", { "aria-hidden": "true" }, unread), h("span", { class: "sr-only" }, `${unread} unread`)) : null,
  );
}

function channelItem(channel, store, actions) {
  const tail = (channel.is_ext_shared && h("span", { class: "badge badge-otherteam" }, "shared")) || (channel.is_archived && h("span", { class: "badge" }, "archived"));
  return item({ label: channel.name, lead: channelIcon(channel), current: store.place?.channel === channel.id, unread: channel.unread, tail, testid: `channel-${channel.name}`, muted: channel.is_archived || channel.is_member === false, run: () => actions.go({ kind: "channel", channel: channel.id }) });
}

function personItem(user, store, actions, dm) {
  return item({ label: user?.display ?? "Somebody", lead: avatar(user, 20), current: dm && store.place?.channel === dm.id, unread: dm?.unread, tail: badge(user), testid: `dm-${user?.name}`, muted: user?.deleted, run: () => (dm ? actions.go({ kind: "channel", channel: dm.id }) : actions.dm(user.id)) });
}

/** "Act as": a list of all people; the page starts anew as the one chosen. */
function userSwitch(store, actions) {
  const button = h("button", { type: "button", class: "user-switch", "aria-haspopup": "listbox", "aria-expanded": "false", data: { testid: "user-switch" } }, avatar(store.me, 32), h("span", { class: "user-switch-text" }, h("strong", {}, store.me.display), h("small", {}, standing(store.me) ?? store.me.title ?? "")), icon("sort", 16));
  button.setAttribute("aria-label", `You act as ${store.me.display}. Switch person`);
  let popup = null;
  const close = (refocus) => {
    popup?.remove();
    popup = null;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) button.focus();
  };
  const outside = (event) => {
    if (!popup.contains(event.target) && !button.contains(event.target)) close(false);
  };
  const open = () => {
    const people = [...store.users.values()].filter((user) => !user.is_bot);
    popup = h("div", { class: "menu user-menu", role: "listbox", "aria-label": "Act as" }, h("div", { class: "menu-title", role: "presentation" }, "Act as"), people.map((user) => h("button", { type: "button", role: "option", class: "menu-item", "aria-selected": String(user.id === store.me.id), data: { testid: `user-${user.id}` }, on: { click: () => actions.become(user.id) } }, avatar(user, 28), h("span", { class: "user-line" }, h("span", {}, user.display), h("small", {}, [user.title, user.tz].filter(Boolean).join(" · "))), badge(user), user.id === store.me.id && icon("check", 16))));
    popup.addEventListener("keydown", (event) => {
      const options = [...popup.querySelectorAll("[role=option]")];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) options[(options.indexOf(document.activeElement) + step + options.length) % options.length].focus();
      else if (event.key === "Escape") close(true);
      if (step) event.preventDefault();
    });
    layerFor(button).append(popup);
    place(popup, button);
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    popup.querySelector("[aria-selected=true]")?.focus();
  };
  button.addEventListener("click", () => (popup ? close(true) : open()));
  return button;
}
