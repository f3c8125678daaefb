/** Blocks that frame other things: card, carousel, container, alert, plan, task card, video, file. */

import { h, link, safeUrl, uid } from "../dom.js";
import { icon } from "../icons.js";
import { Malformed, elementNode } from "./elements.js";
import { imageAddress, picture } from "./images.js";
import { richText } from "./rich_text.js";
import { plain, textNode } from "./text.js";

const asText = (value, ctx, type = "mrkdwn") => textNode(typeof value === "string" ? { type, text: value } : value, ctx);

export function card(block, ctx) {
  if (!block.hero_image && !block.title && !block.actions && !block.body) {
    throw new Malformed("card needs one of hero_image, title, actions, body");
  }
  const image = (value, name) => value && picture(imageAddress(value, ctx), value.alt_text ?? "", name);
  return h(
    "article",
    { class: "card" },
    image(block.hero_image, "card-hero"),
    h(
      "div",
      { class: "card-head" },
      image(block.icon, "card-icon"),
      h("div", {}, block.title && h("div", { class: "card-title" }, asText(block.title, ctx)), block.subtitle && h("div", { class: "card-subtitle" }, asText(block.subtitle, ctx))),
    ),
    block.body && h("div", { class: "card-body" }, asText(block.body, ctx)),
    block.subtext && h("div", { class: "card-subtitle" }, asText(block.subtext, ctx)),
    block.actions?.length && h("div", { class: "actions" }, block.actions.map((element) => elementNode(element, ctx))),
  );
}

export function carousel(block, ctx) {
  if (!Array.isArray(block.elements) || !block.elements.length) throw new Malformed("carousel needs cards");
  return h(
    "div",
    { class: "carousel", tabindex: 0, role: "region", "aria-label": `${block.elements.length} cards` },
    block.elements.map((element) => {
      if (element?.type !== "card") throw new Malformed("a carousel holds cards only");
      return ctx.renderBlock(element, ctx);
    }),
  );
}

export function container(block, ctx) {
  if (!block.title && !block.rich_text_title) throw new Malformed("container needs title or rich_text_title");
  if (!Array.isArray(block.child_blocks)) throw new Malformed("container needs child_blocks");
  const body = h("div", { class: "container-body", id: uid("container") }, block.child_blocks.map((child) => ctx.renderBlock(child, ctx)));
  const titles = [
    block.icon && picture(imageAddress(block.icon, ctx), block.icon.alt_text ?? "", "card-icon"),
    h("span", { class: "container-titles" }, h("span", { class: "container-title" }, block.rich_text_title ? richText(block.rich_text_title, ctx) : textNode(block.title, ctx)), block.subtitle && h("span", { class: "container-subtitle" }, textNode(block.subtitle, ctx))),
  ];
  const frame = (head) => h("section", { class: ["container", `width-${block.width ?? "standard"}`, block.has_header_divider && "with-divider"] }, head, body);
  if (!block.is_collapsible) return frame(h("div", { class: "container-head" }, titles));
  const toggle = h("button", { type: "button", class: "container-head", "aria-controls": body.id }, icon("right", 16), titles);
  const set = (open) => {
    body.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => set(body.hidden));
  set(!block.default_collapsed);
  return frame(toggle);
}

const LEVELS = { default: "info", info: "info", warning: "fault", error: "fault", success: "check" };

export function alertBlock(block, ctx) {
  const level = block.level ?? "default";
  if (!LEVELS[level]) throw new Malformed(`unknown alert level ${JSON.stringify(level)}`);
  return h("div", { class: ["alert", `alert-${level}`], role: level === "error" ? "alert" : "status" }, icon(LEVELS[level]), h("div", {}, textNode(block.text, ctx)));
}

const STATUS = { pending: "Pending", in_progress: "In progress", complete: "Done", error: "Failed" };

function task(block, ctx) {
  if (typeof block.title !== "string" || !STATUS[block.status]) throw new Malformed("task_card needs a title and a known status");
  const mark = { complete: icon("check", 14), error: icon("close", 14) }[block.status];
  return h(
    "div",
    { class: ["task", `task-${block.status}`] },
    h("span", { class: "task-mark", role: "img", "aria-label": STATUS[block.status] }, mark),
    h(
      "div",
      { class: "task-text" },
      h("div", { class: "task-title" }, plain(block.title), h("span", { class: "task-status" }, STATUS[block.status])),
      block.details && richText(block.details, ctx),
      block.output && h("div", { class: "task-output" }, richText(block.output, ctx)),
      block.sources?.length && h("div", { class: "task-sources" }, block.sources.map((source) => link(source.url, source.text))),
    ),
  );
}

export function taskCard(block, ctx) {
  if (block.status === "pending") throw new Malformed("a task_card outside a plan may not be pending");
  return h("div", { class: "plan" }, task(block, ctx));
}

export function plan(block, ctx) {
  if (typeof block.title !== "string") throw new Malformed("plan needs a title");
  const tasks = block.tasks ?? [];
  const done = tasks.filter((one) => one.status === "complete").length;
  return h(
    "div",
    { class: "plan", role: "group", "aria-label": block.title },
    h("div", { class: "plan-head" }, h("span", { class: "plan-title" }, plain(block.title)), h("span", { class: "plan-count" }, `${done} of ${tasks.length}`)),
    h("div", { class: "plan-bar", "aria-hidden": "true" }, h("i", { style: { width: `${tasks.length ? (100 * done) / tasks.length : 0}%` } })),
    tasks.map((one) => task(one, ctx)),
  );
}

/** A video is shown as a link card: nothing from another machine is embedded here. */
export function video(block, ctx) {
  for (const key of ["alt_text", "title", "video_url", "thumbnail_url"]) if (!block[key]) throw new Malformed(`video needs ${key}`);
  const address = safeUrl(block.title_url) ?? safeUrl(block.video_url);
  return h(
    "article",
    { class: "card video" },
    h("div", { class: "video-still" }, picture(block.thumbnail_url, block.alt_text, "card-hero"), h("span", { class: "video-play" }, icon("play"))),
    h("div", { class: "card-title" }, address ? link(address, textNode(block.title, ctx)) : textNode(block.title, ctx)),
    block.description && h("div", { class: "card-body" }, textNode(block.description, ctx)),
    (block.author_name || block.provider_name) && h("div", { class: "card-subtitle" }, [block.provider_name, block.author_name].filter(Boolean).join(" · ")),
  );
}

export function fileBlock(block, ctx) {
  if (block.source !== "remote") throw new Malformed("file blocks are for remote files");
  return h("div", { class: "file-card" }, icon("file"), h("span", { class: "file-name" }, block.file?.title ?? block.external_id), block.file?.external_url && link(block.file.external_url, "Open"));
}

const units = ["B", "kB", "MB", "GB", "TB"];
/** Bytes in words, powers of 1000 as storage is sold. */
export function bytes(count) {
  const power = count > 0 ? Math.min(4, Math.floor(Math.log10(count) / 3)) : 0;
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

/** A file of a message: a picture is shown, anything else is a card with a download. */
export function messageFile(file, ctx) {
  const address = ctx.world.fileUrl(file);
  const isImage = /^image\//.test(file.mimetype ?? "");
  const name = file.title || file.name || file.id;
  const get = h("a", { class: "file-card", href: address, download: file.name ?? true, data: { fileId: file.id } }, icon(isImage ? "image" : "file"), h("span", { class: "file-name" }, name), h("small", {}, `${file.mimetype ?? ""} · ${bytes(file.size ?? 0)}`));
  if (!isImage) return get;
  return h("figure", { class: "image-block" }, h("figcaption", {}, name), picture(address, file.alt_txt ?? name, "picture"));
}

