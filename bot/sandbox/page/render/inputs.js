/** Fields that a person fills in: text, numbers, dates, choices, files. */

import { debounce, fill, h, uid } from "../dom.js";
import { icon } from "../icons.js";
import { bareText, textNode } from "./text.js";

/** Keep `value` in the form and tell the app when this element speaks at once. */
function remember(ctx, element, value) {
  ctx.form.set(ctx.blockId, element.action_id, value);
}

/** In an input block an element is silent unless the block says dispatch_action; elsewhere it always speaks. */
const speaks = (ctx) => !ctx.input || ctx.input.dispatch_action === true;

const claim = (ctx, element, initial) =>
  ctx.form.claim(ctx.blockId, element.action_id, element.type, initial, {
    input: Boolean(ctx.input),
    optional: ctx.input?.optional === true,
    element,
  });

const common = (ctx, element) => ({
  id: ctx.controlId,
  data: { actionId: element.action_id, autofocus: element.focus_on_load ? "" : null },
  placeholder: bareText(element.placeholder) || null,
  "aria-label": ctx.input ? null : bareText(element.placeholder) || element.action_id,
  "aria-describedby": ctx.describedBy,
  "aria-invalid": ctx.invalid ? "true" : null,
  "aria-required": ctx.input && !ctx.input.optional ? "true" : null,
});

const HTML_TYPES = { number_input: "text", email_text_input: "email", url_text_input: "url" };

export function textInput(element, ctx) {
  const { value } = claim(ctx, element, { value: element.initial_value ?? null });
  const long = element.multiline === true;
  const node = h(long ? "textarea" : "input", {
    ...common(ctx, element),
    class: "field",
    type: long ? null : HTML_TYPES[element.type] ?? "text",
    inputmode: element.type === "number_input" ? "decimal" : null,
    rows: long ? 4 : null,
    autocomplete: "off",
    spellcheck: element.type === "plain_text_input" ? null : "false",
    value: value ?? "",
  });
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const send = () => ctx.fire(ctx, element, { value: node.value || null }, null);
  const sendSoon = debounce(250, send);
  node.addEventListener("input", () => {
    remember(ctx, element, { value: node.value || null });
    if (speaks(ctx) && triggers.includes("on_character_entered")) sendSoon();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || (long && event.shiftKey)) return;
    if (speaks(ctx) && triggers.includes("on_enter_pressed")) {
      event.preventDefault();
      send();
    } else if (!long) ctx.submit?.();
  });
  return counted(node, element);
}

/** A field with a limit shows what is left once it is nearly used up. */
function counted(node, element) {
  const most = element.max_length;
  if (!most) return node;
  const left = h("span", { class: "field-count", "aria-live": "polite" });
  const show = () => {
    const room = most - node.value.length;
    left.textContent = room <= Math.max(20, most * 0.1) ? String(room) : "";
    left.classList.toggle("over", room < 0);
  };
  node.addEventListener("input", show);
  show();
  return h("div", { class: "counted" }, node, left);
}

/** A picker around a native input. `toValue`, `toInput`: between Slack's value and the input's. */
function picker(element, ctx, { type, key, initial, toInput = (v) => v ?? "", toValue = (v) => v || null }) {
  const value = claim(ctx, element, { [key]: initial ?? null })[key];
  const node = h("input", { ...common(ctx, element), class: "field field-picker", type, value: toInput(value) });
  let kept = node.value;
  node.addEventListener("change", async () => {
    remember(ctx, element, { [key]: toValue(node.value) });
    if (!speaks(ctx)) return;
    if (await ctx.fire(ctx, element, { [key]: toValue(node.value) }, node)) kept = node.value;
    else {
      node.value = kept;
      remember(ctx, element, { [key]: toValue(kept) });
    }
  });
  return node;
}

export const datePicker = (element, ctx) => picker(element, ctx, { type: "date", key: "selected_date", initial: element.initial_date });
export const timePicker = (element, ctx) => picker(element, ctx, { type: "time", key: "selected_time", initial: element.initial_time });

/** Seconds since 1970 on Slack's side, wall-clock time of the viewer in the field. */
export function dateTimePicker(element, ctx) {
  const two = (number) => String(number).padStart(2, "0");
  const toInput = (seconds) => {
    if (!seconds) return "";
    const date = new Date(seconds * 1000);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
  };
  const toValue = (text) => (text ? Math.floor(new Date(text).getTime() / 1000) : null);
  return picker(element, ctx, { type: "datetime-local", key: "selected_date_time", initial: element.initial_date_time, toInput, toValue });
}

/** Checkboxes and radio buttons: one labelled group. `read`: the chosen options as Slack's value. */
function choices(element, ctx, { type, chosen, read }) {
  if (!Array.isArray(element.options)) throw new TypeError(`${element.type} needs options`);
  const name = uid("choice");
  const boxes = element.options.map((option) => h("input", { type, name, value: option.value, checked: chosen.includes(option.value), data: { autofocus: element.focus_on_load && option === element.options[0] ? "" : null } }));
  const group = h(
    "div",
    { class: "choices", role: type === "radio" ? "radiogroup" : "group", id: ctx.controlId, tabindex: -1, "aria-labelledby": ctx.labelId, "aria-label": ctx.labelId ? null : element.action_id, "aria-describedby": ctx.describedBy, data: { actionId: element.action_id } },
    element.options.map((option, at) =>
      h("label", { class: "choice" }, boxes[at], h("span", { class: "choice-text" }, textNode(option.text, ctx), option.description && h("small", {}, textNode(option.description, ctx)))),
    ),
  );
  let kept = chosen;
  group.addEventListener("change", async () => {
    const now = boxes.filter((box) => box.checked).map((box) => box.value);
    const value = read(element.options.filter((option) => now.includes(option.value)));
    remember(ctx, element, value);
    if (!speaks(ctx)) return;
    if (await ctx.fire(ctx, element, value, group)) kept = now;
    else {
      for (const box of boxes) box.checked = kept.includes(box.value);
      remember(ctx, element, read(element.options.filter((option) => kept.includes(option.value))));
    }
  });
  return group;
}

export function checkboxes(element, ctx) {
  const { selected_options: known } = claim(ctx, element, { selected_options: element.initial_options ?? [] });
  const read = (options) => ({ selected_options: options });
  return choices(element, ctx, { type: "checkbox", chosen: known.map((option) => option.value), read });
}

export function radioButtons(element, ctx) {
  const { selected_option: known } = claim(ctx, element, { selected_option: element.initial_option ?? null });
  const read = (options) => ({ selected_option: options[0] ?? null });
  return choices(element, ctx, { type: "radio", chosen: known ? [known.value] : [], read });
}

/** A plain editor whose lines become one rich text section; bold and lists are left to the real thing. */
export function richTextInput(element, ctx) {
  const toText = (rich) =>
    (rich?.elements ?? []).map((part) => (part.elements ?? []).map((leaf) => leaf.text ?? (leaf.elements ?? []).map((inner) => inner.text ?? "").join("")).join("")).join("\n");
  const toRich = (text) =>
    text ? { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] } : null;
  const { rich_text_value: known } = claim(ctx, element, { rich_text_value: element.initial_value ?? null });
  const node = h("textarea", { ...common(ctx, element), class: "field", rows: element.min_lines ?? 4, value: toText(known) });
  node.addEventListener("input", () => remember(ctx, element, { rich_text_value: toRich(node.value) }));
  if (speaks(ctx)) node.addEventListener("change", () => ctx.fire(ctx, element, { rich_text_value: toRich(node.value) }, null));
  return node;
}

export function fileInput(element, ctx) {
  const most = element.max_files ?? 10;
  const accept = Array.isArray(element.filetypes) ? element.filetypes.map((type) => `.${type}`).join(",") : null;
  const { files: known } = claim(ctx, element, { files: [] });
  const chosen = [...known];
  const status = h("ul", { class: "file-list", "aria-live": "polite" });
  const input = h("input", { ...common(ctx, element), placeholder: null, type: "file", class: "file-native", multiple: most > 1, accept });
  const keep = () => remember(ctx, element, { files: [...chosen] });
  const remove = (file) => {
    chosen.splice(chosen.indexOf(file), 1);
    keep();
    draw();
  };
  const draw = (extra = []) =>
    fill(
      status,
      chosen.map((file) => h("li", {}, icon("file", 16), h("span", { class: "file-name" }, file.name), h("button", { type: "button", class: "btn-bare", "aria-label": `Remove ${file.name}`, on: { click: () => remove(file) } }, icon("close", 14)))),
      extra,
    );
  const upload = async (picked) => {
    for (const file of picked.slice(0, most - chosen.length)) {
      draw([h("li", { class: "file-wait" }, `Uploading ${file.name} …`)]);
      const result = await ctx.upload(file).catch((error) => ({ ok: false, error: error.message }));
      if (result.ok) chosen.push(result.file);
      keep();
      draw(result.ok ? [] : [h("li", { class: "file-wrong" }, `${file.name}: ${result.error}`)]);
    }
  };
  input.addEventListener("change", () => {
    const picked = [...input.files];
    input.value = "";
    ctx.form.uploads = ctx.form.uploads.then(() => upload(picked));
  });
  draw();
  return h("div", { class: "file-drop" }, h("label", { class: "file-pick", for: ctx.controlId }, icon("clip", 16), `Choose ${most > 1 ? "files" : "a file"}${accept ? ` (${accept.replaceAll(",", ", ")})` : ""}`, input), status);
}
