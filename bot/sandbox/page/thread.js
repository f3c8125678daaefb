/** The side panel with one thread: its root, the replies and a composer of its own. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { composer } from "./composer.js";
import { MessageList } from "./messages.js";

/** `panel`: the frame `{show(title, node, testid), close()}`; `tools`: what a MessageList and a composer need. */
export function startThread(store, panel, tools) {
  const scroll = h("div", { class: "messages thread-messages", role: "log", "aria-label": "Thread", tabindex: 0 });
  const list = new MessageList(scroll, store, tools);
  const foot = h("div");
  const node = h("div", { class: "thread", data: { testid: "thread" } }, scroll, foot);
  const draw = () => {
    const { channel, ts } = store.thread ?? {};
    if (!channel) return;
    const messages = store.list(channel, ts);
    const root = messages[0];
    list.draw(messages, { inThread: true, empty: () => h("div", { class: "empty" }, h("p", {}, "This message is gone.")) });
    const count = Math.max(0, messages.length - 1);
    panel.note(root ? `${count} ${count === 1 ? "reply" : "replies"}` : "");
  };
  store.on("sent", (key) => key === `${store.thread?.channel}:${store.thread?.ts}` && list.toEnd());
  store.on("thread", draw);
  store.on("panel", async (which) => {
    if (which !== "thread" || !store.thread) return;
    const { channel, ts } = store.thread;
    const place = store.channels.get(channel);
    list.reset();
    fill(scroll);
    fill(foot, composer(store, { channel, threadTs: ts, tools, label: "Reply" }));
    panel.show(h("span", {}, icon("reply", 16), " Thread ", h("small", {}, place?.kind === "dm" ? "" : `#${place?.name ?? ""}`)), node, "thread-panel");
    const answer = await tools.api.history(channel, ts);
    store.fillHistory(channel, ts, answer.messages);
    foot.querySelector("textarea")?.focus();
  });
}
