/** Faces and marks of people and the app. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** Initials on the person's own colour; the app gets its icon. */
export function avatar(user, size = 36) {
  const style = { "--face": `#${(user?.color ?? "52606d").replace("#", "")}`, "--size": `${size}px` };
  if (user?.is_bot) return h("span", { class: "avatar avatar-app", style, "aria-hidden": "true" }, icon("spark", size * 0.55));
  return h("span", { class: ["avatar", user?.deleted && "avatar-gone"], style, "aria-hidden": "true" }, user?.initials ?? (user?.display ?? "?").slice(0, 2));
}

/** What everybody should see of somebody's standing: guest, other team, deactivated, app. */
export function standing(user) {
  if (!user) return null;
  if (user.deleted) return "deactivated";
  if (user.is_stranger) return "other team";
  if (user.is_ultra_restricted) return "single-channel guest";
  if (user.is_restricted) return "guest";
  return user.is_bot ? "app" : null;
}

export function badge(user) {
  const text = standing(user);
  return text && h("span", { class: ["badge", `badge-${text.replace(/[ -]/g, "")}`] }, text);
}

/** The sign before a channel's name. */
export function channelIcon(channel) {
  if (channel.is_archived) return icon("archive", 16);
  if (channel.is_ext_shared) return icon("shared", 16);
  return icon(channel.kind === "private" ? "lock" : "hash", 16);
}
