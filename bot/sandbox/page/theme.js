/** Light, dark, or as the system says; remembered in this browser. */

import { fill } from "./dom.js";
import { icon } from "./icons.js";

const KEY = "local-slack:theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export const currentTheme = () => localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light");

function apply(buttons) {
  const theme = currentTheme();
  document.documentElement.dataset.theme = theme;
  for (const button of buttons) {
    const next = theme === "dark" ? "light" : "dark";
    fill(button, icon(theme === "dark" ? "sun" : "moon"));
    button.setAttribute("aria-label", `Switch to ${next} theme`);
    button.title = `Switch to ${next} theme`;
  }
}

/** Set the theme now and let each of `buttons` toggle it. */
export function startTheme(...buttons) {
  apply(buttons);
  system.addEventListener("change", () => apply(buttons));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      localStorage.setItem(KEY, currentTheme() === "dark" ? "light" : "dark");
      apply(buttons);
    });
  }
}
