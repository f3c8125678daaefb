/** Building DOM nodes. Data only ever becomes a text node or a checked attribute; nothing here parses HTML. */

const SVG_NS = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "textContent"]);

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

function assign(node, props) {
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (key === "data") for (const [name, text] of Object.entries(value)) {
      if (text !== null && text !== undefined) node.dataset[name] = text;
    }
    else if (key === "style") for (const [name, text] of Object.entries(value)) node.style.setProperty(name, text);
    else if (key === "class") node.setAttribute("class", Array.isArray(value) ? value.filter(Boolean).join(" ") : value);
    else if (PROPERTIES.has(key)) node[key] = value;
    else if (key.startsWith("on")) throw new Error(`listeners go through "on", not ${key}`);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  return node;
}

/** An HTML element. `props`: attributes, `class` (string or list), `on` (listeners), `data`, `style`. */
export function h(tag, props = {}, ...children) {
  return append(assign(document.createElement(tag), props ?? {}), children);
}

/** An SVG element, with the same arguments as `h`. */
export function svg(tag, props = {}, ...children) {
  return append(assign(document.createElementNS(SVG_NS, tag), props ?? {}), children);
}

export function fragment(...children) {
  return append(document.createDocumentFragment(), children);
}

/** Replace what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** The address if a person may safely follow it from here, else null (`javascript:`, `data:` and the like). */
export function safeUrl(address) {
  if (typeof address !== "string" || !/^(https?:\/\/|mailto:|tel:)/i.test(address)) return null;
  try {
    return new URL(address).href;
  } catch {
    return null;
  }
}

/** The address if it lies on this very server, else null: the page asks no other machine for anything. */
export function localUrl(address) {
  if (typeof address !== "string" || address === "") return null;
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that opens in a new tab, or plain text when the address is not one to follow. */
export function link(address, ...children) {
  const href = safeUrl(address);
  if (!href) return h("span", { class: "dead-link", title: "Not a web address" }, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

let counter = 0;
/** A fresh id for label and ARIA references. */
export const uid = (prefix = "n") => `${prefix}-${(counter += 1)}`;

export function debounce(wait, run) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), wait);
  };
}

/** Put a floating element beside its anchor, below if there is room, else above; never out of the window. */
export function place(popup, anchor, { align = "start", matchWidth = false } = {}) {
  const box = anchor.getBoundingClientRect();
  if (matchWidth) popup.style.minWidth = `${box.width}px`;
  const { offsetWidth: width, offsetHeight: height } = popup;
  const below = innerHeight - box.bottom - 8;
  const top = height <= below || below >= box.top ? box.bottom + 4 : box.top - height - 4;
  const left = align === "end" ? box.right - width : box.left;
  popup.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  popup.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
}

/** Where a popup must live so that an open modal dialog does not make it inert. */
export const layerFor = (anchor) => anchor.closest("dialog") ?? document.body;
