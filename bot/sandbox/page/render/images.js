/** Pictures. Only this server's own files are loaded; an address elsewhere is named, never asked for. */

import { h, link, localUrl, safeUrl } from "../dom.js";
import { icon } from "../icons.js";

/** The address of an image block or element; `slack_file` is looked up among the files of this server. */
export function imageAddress(image, ctx) {
  if (image.slack_file) return ctx.world.fileUrl(image.slack_file);
  return image.image_url;
}

/** An image with its alt text, a placeholder for one that lies elsewhere or does not load. */
export function picture(address, alt, className = "picture") {
  const local = localUrl(address);
  if (!local) return elsewhere(address, alt, className);
  const node = h("img", { class: className, src: local, alt, loading: "lazy" });
  node.addEventListener("error", () => node.replaceWith(missing(alt, className)), { once: true });
  return node;
}

function elsewhere(address, alt, className) {
  const words = h("span", {}, alt || "Image");
  const where = safeUrl(address) ? link(address, new URL(address).host) : h("span", {}, "no address");
  return h("span", { class: [className, "picture-away"], role: "img", "aria-label": `${alt} (not loaded: on another machine)`, title: "Images on other machines are not loaded here" }, icon("image"), words, where);
}

function missing(alt, className) {
  return h("span", { class: [className, "picture-missing"], role: "img", "aria-label": `${alt} (image not found)` }, icon("image"), h("span", {}, alt || "Image"), h("span", {}, "not found"));
}
