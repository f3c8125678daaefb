/** The middle of the page: header, messages with their composer, or the app's Home. */

import { composer } from "./composer.js";
import { fill, h } from "./dom.js";
import { MessageList, emptyChannel } from "./messages.js";
import { avatar, badge, channelIcon } from "./people.js";

/** `home`: `{node, open()}` of the Home tab. */
export function startMain(root, store, tools, home) {
  const head = document.getElementById("place-head");
  const scroll = h("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: 0, data: { testid: "messages" } });
  const list = new MessageList(scroll, store, tools);
  const foot = h("div", { class: "foot" });

  const draw = () => {
    const { channel } = store.place;
    const place = channel && store.channels.get(channel);
    if (place) list.draw(store.list(channel), { empty: store.roots.has(channel) ? () => emptyChannel(place, store) : null });
  };
  const openChannel = async (channel) => {
    list.reset();
    fill(root, scroll, h("div", { class: "jump-line" }, list.jump), foot);
    fill(scroll);
    fill(foot, composer(store, { channel, tools, label: `Message ${nameOf(store.channels.get(channel), store)}` }));
    draw();
    if (matchMedia("(min-width: 800px)").matches) foot.querySelector("textarea")?.focus();
    try {
      const answer = await tools.api.history(channel);
      store.fillHistory(channel, undefined, answer.messages ?? []);
    } catch (error) {
      tools.failed(error);
    }
  };
  store.on("sent", (key) => key === store.place?.channel && list.toEnd());
  store.on("messages", (channel) => {
    if (channel === store.place?.channel) draw();
  });
  store.on("place", async (place) => {
    fill(head, heading(store, place));
    if (place.kind === "home") {
      fill(root, home.node);
      await home.open();
      return;
    }
    if (place.channel === store.appChannel?.id) tools.api.home("messages").catch(tools.failed);
    await openChannel(place.channel);
  });
  store.on("places", () => fill(head, heading(store, store.place)));
}

function nameOf(channel, store) {
  if (!channel) return "";
  return channel.kind === "dm" ? store.users.get(channel.user)?.display ?? "somebody" : `#${channel.name}`;
}

function heading(store, place) {
  if (!place) return [];
  const channel = place.channel && store.channels.get(place.channel);
  const isApp = place.kind === "home" || (channel && channel.id === store.appChannel?.id);
  if (isApp) return appHeading(store, place);
  const person = channel?.kind === "dm" ? store.users.get(channel.user) : null;
  return [
    h("h1", { class: "place-title" }, person ? avatar(person, 24) : channel && channelIcon(channel), h("span", {}, person ? person.display : channel?.name ?? "")),
    person ? badge(person) : null,
    channel?.is_ext_shared && h("span", { class: "badge badge-otherteam" }, "shared with another team"),
    channel?.is_archived && h("span", { class: "badge" }, "archived"),
    h("span", { class: "place-topic" }, person ? person.title ?? "" : channel?.topic ?? ""),
  ];
}

function appHeading(store, place) {
  const tab = (label, selected, run, testid, panel) => h("button", { type: "button", role: "tab", class: "tab", "aria-selected": String(selected), "aria-controls": panel, tabindex: selected ? 0 : -1, data: { testid }, on: { click: run } }, label);
  const atHome = place.kind === "home";
  const tabs = h(
    "div",
    { class: "tabs", role: "tablist", "aria-label": store.app.name },
    tab("Home", atHome, () => store.go({ kind: "home" }), "tab-home", "panel-home"),
    tab("Messages", !atHome, () => store.appChannel && store.go({ kind: "channel", channel: store.appChannel.id }), "tab-messages"),
  );
  tabs.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    tabs.querySelector("[aria-selected=false]")?.click();
    document.querySelector(".tab[aria-selected=true]")?.focus();
  });
  const app = store.users.get(store.app.bot_user_id);
  return [h("h1", { class: "place-title" }, avatar(app, 24), h("span", {}, store.app.name)), badge(app), tabs];
}
