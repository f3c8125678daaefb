/** The page's own line icons, 20 by 20, drawn with the current text colour. */

import { svg } from "./dom.js";

const PATHS = {
  hash: "M7.5 3 6 17M14 3l-1.5 14M3.5 7.5h13.5M3 12.5h13.5",
  lock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
  shared: "M4 10a3 3 0 0 1 3-3h2M16 10a3 3 0 0 1-3 3h-2M7 13a3 3 0 0 1-3-3M13 7a3 3 0 0 1 3 3M7.5 10h5",
  archive: "M3 4h14v3.5H3zM4.5 7.5V16h11V7.5M8 11h4",
  home: "M3 9.5 10 3.5l7 6M5 8.5V16.5h10V8.5M8.5 16.5v-4h3v4",
  chat: "M3.5 4.5h13v9h-8l-4 3v-3h-1z",
  reply: "M8 5 3.5 9.5 8 14M4 9.5h7.5a5 5 0 0 1 5 5V16",
  more: "M5 9.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1M10 9.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1M15 9.5a.5.5 0 1 0 0 1 .5.5 0 0 0 0-1",
  code: "m7 6-4 4 4 4M13 6l4 4-4 4M11.5 4l-3 12",
  close: "m5 5 10 10M15 5 5 15",
  send: "M3.5 10 16.5 4l-4 13-3-5.5zM9.5 11.5l3-3",
  clip: "m15.5 9-5.8 5.8a3.3 3.3 0 0 1-4.7-4.7l6.2-6.2a2.2 2.2 0 0 1 3.1 3.1l-6 6a1 1 0 0 1-1.5-1.5l5.3-5.3",
  bolt: "M11 2.5 4.5 11.5H9.5L8.5 17.5 15.5 8.5H10.5z",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1",
  moon: "M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5z",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  down: "m5.5 8 4.5 4.5L14.5 8",
  left: "M12 5.5 7.5 10l4.5 4.5",
  right: "m8 5.5 4.5 4.5L8 14.5",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  traffic: "M3 7h12M12 4l3 3-3 3M17 13H5M8 10l-3 3 3 3",
  fault: "M10 3 18 16.5H2zM10 8v4M10 14.3v.01",
  eye: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  file: "M5 2.5h6.5L15.5 6.5V17.5H5zM11.5 2.5v4h4",
  image: "M3 4h14v12H3zM3 13l4-4 4 4 2.5-2.5L17 14M13 8h.01",
  play: "M6.5 4.5v11l9-5.5z",
  calendar: "M3.5 5h13v11.5h-13zM3.5 8.5h13M7 3v3.5M13 3v3.5",
  clock: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14M10 6v4.2l2.7 1.6",
  info: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14M10 9.3V14M10 6.5v.01",
  up: "M6 9V17H3.5V9zM6 9l3-6c1.5 0 2 1 1.7 2.5L10.3 8H16l-1.5 8c-.2.7-.7 1-1.5 1H6",
  thumbdown: "M6 11V3H3.5v8zM6 11l3 6c1.5 0 2-1 1.7-2.5L10.3 12H16l-1.5-8c-.2-.7-.7-1-1.5-1H6",
  trash: "M4 5.5h12M8 5.5V3.5h4v2M5.5 5.5 6.3 17h7.4l.8-11.5",
  search: "M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10M12.2 12.2l4.3 4.3",
  people: "M7 4.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5M2.5 16c0-3 2-4.5 4.5-4.5s4.5 1.5 4.5 4.5M12.5 5a2.3 2.3 0 0 1 0 4.5M13.5 11.7c2.4.3 4 1.8 4 4.3",
  sort: "M7 4v12M4.5 6.5 7 4l2.5 2.5M13 16V4M10.5 13.5 13 16l2.5-2.5",
  spark: "M10 3v14M3 10h14M5.5 5.5l9 9M14.5 5.5l-9 9",
};

/** An icon by name; decorative, so hidden from screen readers. */
export function icon(name, size = 18) {
  return svg(
    "svg",
    { viewBox: "0 0 20 20", width: size, height: size, class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] ?? PATHS.spark }),
  );
}
