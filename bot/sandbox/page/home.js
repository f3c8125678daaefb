/** The app's Home tab: the view last published for this person. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { ViewBody } from "./view.js";

/** `tools`: `{api, viewCtx(view, form), json(title, value), failed(error)}`. Returns `{node, open()}`. */
export function startHome(store, tools) {
  const blocks = h("div", { class: "home-blocks" });
  const json = h("button", { type: "button", class: "btn-bare", "aria-label": "View JSON of this view", title: "View JSON", data: { testid: "home-json" }, on: { click: () => tools.json("App Home", store.homeView) } }, icon("code"));
  const empty = h("div", { class: "empty" }, h("span", { class: "empty-mark", "aria-hidden": "true" }, icon("home", 28)), h("h2", {}, "Nothing here yet"), h("p", {}, "The app has not published a Home for you."));
  const node = h("div", { class: "home", id: "panel-home", role: "tabpanel", "aria-label": "Home", tabindex: 0, data: { testid: "home" } }, h("div", { class: "home-tools" }, json), blocks);
  let body = null;
  let viewId = null;
  const draw = () => {
    const view = store.homeView;
    json.hidden = !view;
    if (!view) {
      body = null;
      viewId = null;
      fill(blocks, empty);
      return;
    }
    if (view.id !== viewId) {
      fill(blocks);
      body = new ViewBody(blocks, tools.viewCtx(view, store.form(view.id)));
      viewId = view.id;
    }
    body.draw(view.blocks);
  };
  store.on("home", draw);
  const open = async () => {
    draw();
    const before = store.homeView;
    try {
      const answer = await tools.api.home("home");
      // The app may have published anew before this answer came, which holds the view of before.
      if (answer.ok && answer.view && store.homeView === before) {
        store.homeView = answer.view;
        draw();
      }
    } catch (error) {
      tools.failed(error);
    }
  };
  return { node, open };
}
