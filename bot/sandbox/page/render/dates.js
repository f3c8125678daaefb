/** Slack's date tokens, written in the zone of the person who looks. */

import { h } from "../dom.js";

const LOCALE = "en-US";
const formats = new Map();
/** Making a formatter is slow and a channel has many dates, so each is made once. */
function write(date, options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(LOCALE, options));
  return formats.get(key).format(date);
}

/** Days from `date` to today in the viewer's zone: 0 today, 1 yesterday, -1 tomorrow. */
function daysAgo(date, now = new Date()) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
  return Math.round((midnight(now) - midnight(date)) / 86_400_000);
}

function ordinal(day) {
  const last = day % 10;
  const suffix = day >= 11 && day <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[last] ?? "th";
  return `${day}${suffix}`;
}

const long = (date) => `${write(date, { month: "long" })} ${ordinal(date.getDate())}, ${date.getFullYear()}`;
const short = (date) => write(date, { month: "short", day: "numeric", year: "numeric" });
const full = (date) => `${write(date, { weekday: "long" })}, ${long(date)}`;
const pretty = (date, otherwise) => ({ 0: "today", 1: "yesterday", "-1": "tomorrow" })[daysAgo(date)] ?? otherwise(date);

function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
  for (const [unit, size] of [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(Math.round(seconds), "second");
}

const TOKENS = {
  date_num: (date) =>
    `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`,
  date: long,
  date_short: short,
  date_long: full,
  date_pretty: (date) => pretty(date, long),
  date_short_pretty: (date) => pretty(date, short),
  date_long_pretty: (date) => pretty(date, full),
  day_divider_pretty: (date) => pretty(date, full),
  time: (date) => write(date, { hour: "numeric", minute: "2-digit" }),
  time_secs: (date) => write(date, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
  ago,
};

/** `format` with its `{tokens}` filled in, or null when a token is unknown. */
export function formatDate(seconds, format) {
  const date = new Date(seconds * 1000);
  let known = true;
  const text = format.replace(/\{(\w+)\}/g, (whole, token) => {
    if (TOKENS[token]) return TOKENS[token](date);
    known = false;
    return whole;
  });
  return known ? text.charAt(0).toUpperCase() + text.slice(1) : null;
}

/** A `<time>` in the viewer's zone; the fallback when seconds or format make no sense. */
export function dateNode(seconds, format, fallback) {
  if (!Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return h("span", {}, fallback);
  const text = formatDate(seconds, format);
  if (text === null) return h("span", {}, fallback);
  const date = new Date(seconds * 1000);
  return h("time", { class: "date-token", datetime: date.toISOString(), title: write(date, { dateStyle: "full", timeStyle: "long" }) }, text);
}

/** Message times and day dividers. `ts`: Slack's "seconds.microseconds". */
export const clockTime = (ts) => TOKENS.time(new Date(Number(ts) * 1000));
export const exactTime = (ts) => write(new Date(Number(ts) * 1000), { dateStyle: "full", timeStyle: "medium" });
/** The same text for all moments of one day in the viewer's zone. */
export const dayKey = (ts) => new Date(Number(ts) * 1000).toDateString();
export const dayName = (ts) => formatDate(Number(ts), "{day_divider_pretty}");
export const agoText = (ts) => ago(new Date(Number(ts) * 1000));
