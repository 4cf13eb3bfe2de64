// The language in force: its texts, and how it writes numbers, durations and times of day.
import { TEXTS } from "./texts.js";

export const LANGUAGES = ["kk", "ru", "en"];
const KEPT_AS = "qabyldau-language";
const TIME_ZONE = "Asia/Almaty";
const MISSING = "–";

// Kazakh writes numbers and times as Russian does; Chromium, left alone with "kk", writes them as English does.
const LOCALES = { kk: "ru-RU", ru: "ru-RU", en: "en-GB" };

let language, whole, tenths, clockFormat, momentFormat, minuteFormat;
use(LANGUAGES.includes(localStorage.getItem(KEPT_AS)) ? localStorage.getItem(KEPT_AS) : LANGUAGES[0]);

export const currentLanguage = () => language;

export function setLanguage(chosen) {
  localStorage.setItem(KEPT_AS, chosen);
  use(chosen);
}

function use(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  const locale = LOCALES[chosen];
  whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  tenths = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: TIME_ZONE };
  minuteFormat = new Intl.DateTimeFormat(locale, time);
  clockFormat = new Intl.DateTimeFormat(locale, { ...time, second: "2-digit" });
  const date = { day: "2-digit", month: "2-digit", year: "numeric" };
  momentFormat = new Intl.DateTimeFormat(locale, { ...date, ...time, second: "2-digit" });
}

export const knows = (key) => key in TEXTS;

/** The text of a key, with {names} filled in. */
export function t(key, values = {}) {
  return TEXTS[key][LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The text of a code of the API, or the code itself: a new one must not break the page. */
export const nameOf = (kind, code) => (knows(`${kind}.${code}`) ? t(`${kind}.${code}`) : code);

export const number = (value) => (value == null ? MISSING : whole.format(value));

/** A rate: tenths below ten, where they matter. */
export function rate(value) {
  if (value == null) return MISSING;
  return value !== 0 && Math.abs(value) < 9.95 ? tenths.format(value) : whole.format(value);
}

export const percent = (value) => (value == null ? MISSING : `${rate(value)} %`);

export function signedPercent(value) {
  return value == null ? MISSING : `${value > 0 ? "+" : ""}${number(value).replace("-", "−")} %`;
}

/** Two units at most: nobody reads the seconds of an hour. */
export function duration(seconds) {
  if (seconds == null) return MISSING;
  const rounded = Math.round(seconds);
  const [days, hours] = [Math.floor(rounded / 86400), Math.floor(rounded / 3600) % 24];
  const [minutes, rest] = [Math.floor(rounded / 60) % 60, rounded % 60];
  if (days) return joined([days, "day"], [hours, "hour"]);
  if (hours) return joined([hours, "hour"], [minutes, "minute"]);
  if (minutes) return joined([minutes, "minute"], [minutes < 10 ? rest : 0, "second"]);
  return joined([rest, "second"]);
}

function joined(first, second) {
  const parts = second && second[0] ? [first, second] : [first];
  return parts.map(([count, unit]) => `${number(count)}\u00a0${t(`unit.${unit}`)}`).join(" ");
}

export const minuteOfDay = (at) => (at == null ? MISSING : minuteFormat.format(new Date(at)));
export const timeOfDay = (at) => (at == null ? MISSING : clockFormat.format(new Date(at)));
export const moment = (at) => (at == null ? MISSING : momentFormat.format(new Date(at)));

/** RFC 3339 of a `datetime-local` value that means Almaty's clock. */
export function almatyTime(local) {
  const named = new Intl.DateTimeFormat("en", { timeZone: TIME_ZONE, timeZoneName: "longOffset" });
  const zone = named.formatToParts(new Date(local)).find((part) => part.type === "timeZoneName").value;
  return `${local}:00${zone.replace("GMT", "")}`;
}

/** Fills what index.html leaves open: `data-text` as text, `data-label` as accessible name. */
export function writeTexts(root = document) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", t(element.dataset.label));
}
