/** Completion in the message box: /commands with their hints, @people, #channels. */

import { fill, h, uid } from "./dom.js";
import { avatar, badge, channelIcon } from "./people.js";

/** What could complete the text before the caret: `{from, items: [{insert, draw}]}` or null. */
function candidates(before, store, commands) {
  const command = commands && /^\/\S*$/.exec(before);
  if (command) {
    const items = store.commands.filter((one) => one.command.startsWith(command[0].toLowerCase()));
    return { from: 0, exact: command[0], items: items.map((one) => ({ insert: `${one.command} `, draw: () => [h("strong", {}, one.command), h("code", {}, one.usage_hint ?? ""), h("small", {}, one.description ?? "")] })) };
  }
  const word = /(^|\s)([@#])([\w.-]*)$/.exec(before);
  if (!word) return null;
  const from = before.length - word[3].length - 1;
  const start = word[3].toLowerCase();
  return { from, items: word[2] === "@" ? people(start, store) : places(start, store) };
}

function people(start, store) {
  const fits = (user) => !user.deleted && (user.name.toLowerCase().startsWith(start) || user.display.toLowerCase().split(" ").some((part) => part.startsWith(start)));
  return [...store.users.values()].filter(fits).slice(0, 8).map((user) => ({ insert: `@${user.name} `, draw: () => [avatar(user, 22), h("strong", {}, user.display), h("small", {}, `@${user.name}`), badge(user)] }));
}

function places(start, store) {
  const fits = (channel) => channel.kind !== "dm" && !channel.is_archived && channel.name.includes(start);
  return [...store.channels.values()].filter(fits).slice(0, 8).map((channel) => ({ insert: `#${channel.name} `, draw: () => [channelIcon(channel), h("strong", {}, channel.name), h("small", {}, channel.topic ?? "")] }));
}

/** Attach completion to a textarea. `host` holds the popup; `onSend` is what Enter does when none is open. */
export function completion(area, store, { commands, host, onSend }) {
  const id = uid("complete");
  let popup = null;
  let found = null;
  let at = 0;
  const close = () => {
    popup?.remove();
    popup = null;
    area.removeAttribute("aria-activedescendant");
    area.removeAttribute("aria-controls");
  };
  const point = (next) => {
    at = (next + found.items.length) % found.items.length;
    [...popup.children].forEach((node, i) => {
      node.classList.toggle("active", i === at);
      node.setAttribute("aria-selected", String(i === at));
    });
    popup.children[at].scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", popup.children[at].id);
  };
  const choose = (index) => {
    const { insert } = found.items[index];
    const caret = area.selectionStart;
    area.setRangeText(insert, found.from, caret, "end");
    close();
    area.dispatchEvent(new Event("input"));
    close();
    area.focus();
  };
  const update = () => {
    found = area.selectionStart === area.selectionEnd ? candidates(area.value.slice(0, area.selectionStart), store, commands) : null;
    if (!found?.items.length) return close();
    if (!popup) {
      popup = h("div", { class: "completion", role: "listbox", id, "aria-label": "Suggestions", data: { testid: "completion" } });
      host.prepend(popup);
      area.setAttribute("aria-controls", id);
    }
    fill(popup, found.items.map((item, i) => h("div", { class: "completion-item", role: "option", id: `${id}-${i}`, on: { pointerdown: (event) => event.preventDefault(), click: () => choose(i), pointermove: () => i !== at && point(i) } }, item.draw())));
    point(0);
  };
  area.addEventListener("input", update);
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (popup) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const typedOut = event.key === "Enter" && found.exact === found.items[at].insert.trim();
      if (step) point(at + step);
      else if (event.key === "Tab" || (event.key === "Enter" && !typedOut)) choose(at);
      else if (event.key === "Escape") close();
      if (step || ["Tab", "Escape"].includes(event.key) || (event.key === "Enter" && !typedOut)) return void event.preventDefault();
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      close();
      onSend();
    }
  });
}
