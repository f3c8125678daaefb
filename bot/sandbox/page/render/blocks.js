/** Blocks as nodes. What Slack would refuse or not draw becomes a loud red box with its JSON. */

import { h, safeUrl, uid } from "../dom.js";
import { icon } from "../icons.js";
import { alertBlock, card, carousel, container, fileBlock, plan, taskCard, video } from "./cards.js";
import { chartBlock } from "./charts.js";
import { Malformed, elementNode } from "./elements.js";
import { imageAddress, picture } from "./images.js";
import { markdown } from "./markdown.js";
import { richText } from "./rich_text.js";
import { dataTable, table } from "./tables.js";
import { textNode } from "./text.js";

const list = (value, what) => {
  if (!Array.isArray(value) || !value.length) throw new Malformed(`${what} must be a list with at least one entry`);
  return value;
};

function section(block, ctx) {
  if (!block.text && !block.fields) throw new Malformed("section needs text or fields");
  const body = h(
    "div",
    { class: "section-body" },
    block.text && h("div", { class: "section-text" }, textNode(block.text, ctx)),
    block.fields && h("div", { class: "fields" }, list(block.fields, "fields").map((field) => h("div", { class: "section-field" }, textNode(field, ctx)))),
  );
  if (!block.accessory) return body;
  return h("div", { class: "section-row" }, body, h("div", { class: "accessory" }, elementNode(block.accessory, ctx)));
}

function header(block, ctx) {
  if (block.text?.type !== "plain_text") throw new Malformed("header text must be plain_text");
  const level = Math.min(4, Math.max(1, Number(String(block.level ?? 2).replace(/\D/g, "")) || 2));
  return h(`h${level + 1}`, { class: ["header", `header-${level}`] }, textNode(block.text, ctx));
}

function image(block, ctx) {
  if (typeof block.alt_text !== "string") throw new Malformed("image needs alt_text");
  if (!block.image_url && !block.slack_file) throw new Malformed("image needs image_url or slack_file");
  return h("figure", { class: "image-block" }, block.title && h("figcaption", {}, textNode(block.title, ctx)), picture(imageAddress(block, ctx), block.alt_text, "picture"));
}

const actions = (block, ctx) => h("div", { class: "actions" }, list(block.elements, "elements").map((element) => elementNode(element, ctx)));

const context = (block, ctx) =>
  h("div", { class: "context" }, list(block.elements, "elements").map((element) => {
    if (element?.type === "image") return elementNode(element, ctx);
    return h("span", { class: "context-text" }, textNode(element, ctx));
  }));

/** Elements that are groups of labelled fields; their label names the group. */
const GROUPS = new Set(["checkboxes", "radio_buttons"]);

function input(block, ctx) {
  if (block.label?.type !== "plain_text") throw new Malformed("input needs a plain_text label");
  const error = ctx.errors?.[block.block_id];
  const ids = { label: uid("label"), hint: uid("hint"), error: uid("error"), control: uid("control") };
  const describedBy = [block.hint && ids.hint, error && ids.error].filter(Boolean).join(" ") || null;
  const inner = { ...ctx, input: block, controlId: ids.control, labelId: ids.label, describedBy, invalid: Boolean(error) };
  const group = GROUPS.has(block.element?.type);
  return h(
    "div",
    { class: ["input-block", error && "has-error"] },
    h(group ? "span" : "label", { class: "input-label", id: ids.label, for: group ? null : ids.control }, textNode(block.label, ctx), block.optional && h("span", { class: "optional" }, " (optional)")),
    elementNode(block.element, inner),
    error && h("p", { class: "field-error", role: "alert", id: ids.error, data: { testid: "field-error", errorFor: block.block_id } }, icon("fault", 16), h("span", {}, error)),
    block.hint && h("p", { class: "hint", id: ids.hint }, textNode(block.hint, ctx)),
  );
}

function markdownBlock(block, ctx) {
  if (typeof block.text !== "string") throw new Malformed("markdown needs text");
  return markdown(block.text, ctx);
}

const BLOCKS = {
  section,
  header,
  divider: () => h("hr", { class: "divider" }),
  image,
  actions,
  context,
  context_actions: (block, ctx) => h("div", { class: "actions context-actions" }, list(block.elements, "elements").map((element) => elementNode(element, ctx))),
  input,
  rich_text: richText,
  markdown: markdownBlock,
  table,
  data_table: dataTable,
  data_visualization: chartBlock,
  card,
  carousel,
  container,
  alert: alertBlock,
  plan,
  task_card: taskCard,
  video,
  file: fileBlock,
};

const EVERYWHERE = ["message", "modal", "home"];
/** Where a block may stand; all others may stand everywhere. Source: docs.slack.dev/reference/block-kit/blocks. */
const SURFACES = {
  markdown: ["message"],
  table: ["message", "home"],
  data_table: ["message", "home"],
  data_visualization: ["message", "home"],
  carousel: ["message", "home"],
  container: ["message", "home"],
  context_actions: ["message"],
  alert: ["modal"],
  plan: ["message"],
  task_card: ["message"],
  file: ["message"],
};

/** The red box: the block's type, what is wrong, and its JSON. */
export function brokenBlock(block, reason) {
  const type = block?.type ?? "no type";
  return h(
    "div",
    { class: "broken-block", role: "alert", data: { testid: "broken-block", blockType: type } },
    h("strong", {}, icon("fault", 16), ` Slack would not show this block: ${type}`),
    h("p", {}, reason),
    h("pre", {}, JSON.stringify(block, null, 2) ?? "undefined"),
  );
}

function draw(block, ctx) {
  const render = BLOCKS[block?.type];
  if (!render) throw new Malformed("unsupported block type");
  if (!(SURFACES[block.type] ?? EVERYWHERE).includes(ctx.surface)) throw new Malformed(`not allowed in a ${ctx.surface}`);
  return render(block, { ...ctx, blockId: block.block_id, renderBlock });
}

/** One block as a node, never throwing for what the block holds. */
export function renderBlock(block, ctx) {
  const wrap = (node) => h("div", { class: ["block", `block-${block?.type}`], data: { blockId: block?.block_id, blockType: block?.type } }, node);
  try {
    return wrap(draw(block, ctx));
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
    return wrap(brokenBlock(block, error.message));
  }
}

/** All blocks of a message, modal or home. */
export function renderBlocks(blocks, ctx) {
  if (!Array.isArray(blocks)) return [brokenBlock({ type: "blocks", blocks }, "blocks must be a list")];
  return blocks.map((block) => renderBlock(block, ctx));
}

/** A legacy attachment: coloured bar, texts, fields, its own blocks. */
export function renderAttachment(attachment, ctx) {
  const text = (value) => value && h("div", {}, textNode({ type: "mrkdwn", text: value }, ctx));
  const colour = /^#?[0-9a-f]{6}$/i.test(attachment.color ?? "") ? `#${attachment.color.replace("#", "")}` : { good: "#2f8f5b", warning: "#c98a1b", danger: "#c8372d" }[attachment.color];
  const title = attachment.title && (safeUrl(attachment.title_link) ? h("a", { href: safeUrl(attachment.title_link), target: "_blank", rel: "noopener noreferrer" }, attachment.title) : attachment.title);
  return h(
    "div",
    { class: "attachment", style: colour ? { "--bar": colour } : {} },
    text(attachment.pretext),
    title && h("div", { class: "attachment-title" }, title),
    attachment.blocks ? renderBlocks(attachment.blocks, ctx) : text(attachment.text ?? attachment.fallback),
    attachment.fields?.length && h("div", { class: "fields" }, attachment.fields.map((field) => h("div", { class: "section-field" }, h("strong", {}, field.title), text(field.value)))),
    attachment.image_url && picture(attachment.image_url, attachment.fallback ?? "", "picture"),
    attachment.footer && h("div", { class: "context" }, attachment.footer),
  );
}

