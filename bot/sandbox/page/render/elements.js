/** Block elements: what stands in actions, accessories, inputs and context. Throws on what it does not know. */

import { h, layerFor, place, safeUrl, uid } from "../dom.js";
import { icon } from "../icons.js";
import { imageAddress, picture } from "./images.js";
import { checkboxes, datePicker, dateTimePicker, fileInput, radioButtons, richTextInput, textInput, timePicker } from "./inputs.js";
import { selectMenu } from "./select.js";
import { bareText, textNode } from "./text.js";

/** A block or element that Slack's client could not draw; its message says what is wrong with it. */
export class Malformed extends Error {}

/**
 * Ask for confirmation when the element wants it, send the action, and show that it is under way.
 * `payload`: the element specific part. Resolves to false when the person said no.
 */
export async function fire(ctx, element, payload, node) {
  if (element.confirm && !(await ctx.confirm(element.confirm))) return false;
  node?.setAttribute("aria-busy", "true");
  try {
    await ctx.act(ctx.blockId, { type: element.type, action_id: element.action_id, ...payload });
  } finally {
    node?.removeAttribute("aria-busy");
  }
  return true;
}

const hidden = (element, ctx) => Array.isArray(element.visible_to_user_ids) && !element.visible_to_user_ids.includes(ctx.world.me?.id);

function button(element, ctx) {
  if (hidden(element, ctx)) return null;
  const style = { primary: "btn-primary", danger: "btn-danger" }[element.style];
  const label = h("span", { class: "btn-label" }, textNode(element.text, ctx));
  const props = { class: ["btn", style], data: { actionId: element.action_id }, "aria-label": element.accessibility_label };
  const payload = { text: element.text, ...(element.value === undefined ? {} : { value: element.value }) };
  if (element.url) {
    const href = safeUrl(element.url);
    if (!href) throw new Malformed("button url is not a web address");
    const node = h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, label);
    node.addEventListener("click", () => fire(ctx, { ...element, confirm: undefined }, payload, node));
    return node;
  }
  const node = h("button", { ...props, type: "button" }, label);
  node.addEventListener("click", () => fire(ctx, element, payload, node));
  return node;
}

function workflowButton(element, ctx) {
  return h("button", { type: "button", class: "btn", disabled: true, title: "Starts a workflow; there are none here", data: { actionId: element.action_id } }, textNode(element.text, ctx));
}

/** A small menu under a button: roving focus, Escape and outside clicks close it. `items`: `{label, run}`. */
export function openMenu(anchor, items, { align = "end", label = "Menu" } = {}) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label });
  const close = (refocus) => {
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) anchor.focus();
  };
  const outside = (event) => {
    if (!menu.contains(event.target) && !anchor.contains(event.target)) close(false);
  };
  for (const item of items) {
    const choose = () => {
      close(true);
      item.run();
    };
    menu.append(h("button", { type: "button", role: "menuitem", class: "menu-item", data: { value: item.value }, on: { click: choose } }, item.icon && icon(item.icon, 16), h("span", { class: "menu-text" }, h("span", {}, item.label), item.note && h("small", {}, item.note))));
  }
  menu.addEventListener("keydown", (event) => {
    const nodes = [...menu.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) nodes[(nodes.indexOf(document.activeElement) + step + nodes.length) % nodes.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    if (step || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  layerFor(anchor).append(menu);
  place(menu, anchor, { align });
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  menu.firstElementChild?.focus();
}

function overflow(element, ctx) {
  if (!Array.isArray(element.options)) throw new Malformed("overflow needs options");
  const node = h("button", { type: "button", class: "btn btn-icon", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions", data: { actionId: element.action_id } }, icon("more"));
  node.addEventListener("click", () => {
    const items = element.options.map((option) => ({
      label: textNode(option.text, ctx),
      value: option.value,
      run: () => {
        const href = safeUrl(option.url);
        if (href) open(href, "_blank", "noopener");
        fire(ctx, element, { selected_option: option }, node);
      },
    }));
    openMenu(node, items, { label: "More actions" });
  });
  return node;
}

const ICONS = { trash: "trash", copy: "copy" };

function iconButton(element, ctx) {
  if (hidden(element, ctx)) return null;
  const name = element.accessibility_label || bareText(element.text);
  const node = h("button", { type: "button", class: "btn btn-icon", "aria-label": name, title: name, data: { actionId: element.action_id } }, icon(ICONS[element.icon] ?? "spark"));
  node.addEventListener("click", () => fire(ctx, element, { text: element.text, value: element.value }, node));
  return node;
}

function feedbackButtons(element, ctx) {
  const make = (option, glyph) => {
    if (!option?.text) throw new Malformed("feedback_buttons need positive_button and negative_button");
    const name = option.accessibility_label || bareText(option.text);
    const node = h("button", { type: "button", class: "btn btn-icon", title: name, "aria-label": name, "aria-pressed": "false", data: { value: option.value } }, icon(glyph));
    node.addEventListener("click", () => {
      for (const other of node.parentElement.children) other.setAttribute("aria-pressed", String(other === node));
      fire(ctx, element, { text: option.text, value: option.value }, node);
    });
    return node;
  };
  return h("span", { class: "feedback", role: "group", "aria-label": "Feedback", data: { actionId: element.action_id } }, make(element.positive_button, "up"), make(element.negative_button, "thumbdown"));
}

function image(element, ctx) {
  if (typeof element.alt_text !== "string") throw new Malformed("image needs alt_text");
  return picture(imageAddress(element, ctx), element.alt_text, "element-image");
}

const SELECTS = ["static", "external", "users", "conversations", "channels"];
const ELEMENTS = {
  button,
  workflow_button: workflowButton,
  overflow,
  icon_button: iconButton,
  feedback_buttons: feedbackButtons,
  image,
  checkboxes,
  radio_buttons: radioButtons,
  datepicker: datePicker,
  timepicker: timePicker,
  datetimepicker: dateTimePicker,
  plain_text_input: textInput,
  number_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  rich_text_input: richTextInput,
  file_input: fileInput,
  ...Object.fromEntries(SELECTS.flatMap((kind) => [[`${kind}_select`, selectMenu], [`multi_${kind}_select`, selectMenu]])),
};

/**
 * One element as a node (null when hidden from this person).
 * `ctx` has blockId; in an input block also `input` (the block) and `labelId`, `describedBy`.
 */
export function elementNode(element, ctx) {
  const draw = ELEMENTS[element?.type];
  if (!draw) throw new Malformed(`unknown element type ${JSON.stringify(element?.type)}`);
  return draw(element, { controlId: uid("control"), ...ctx, fire });
}
