// The controls an operator may change: what they are called and how their values are written.
import { ask, ofProgramme } from "./api.js";
import { duration, knows, moment, nameOf, number, t } from "./language.js";

export const LIMITED = ["address", "person", "phone", "block", "code_address"];
export const MESSAGES = ["message_kk", "message_ru", "message_en"];
const CATEGORY = /^category_(.+)_open$/;
const OF_LIMITED = new RegExp(`^(${LIMITED.join("|")})_(count|window_seconds|shadow)$`);

// Whoever is turned away is told why, each in a language of theirs.
const WITH_MESSAGE = new Set(["hold", "drain", "closed"]);

export const isCategory = (name) => CATEGORY.test(name);
export const needsMessages = (mode) => WITH_MESSAGE.has(mode);

/** Returns the controls in force, by name. */
export async function readControls(programme) {
  const { controls } = await ask("GET", ofProgramme(programme, "/controls"));
  return Object.fromEntries(controls.map((control) => [control.name, control]));
}

export function labelOf(name) {
  const category = CATEGORY.exec(name);
  if (category) return nameOf("category", category[1]);
  return nameOf("control", OF_LIMITED.exec(name)?.[2] ?? name);
}

/** The label for where it stands alone: "Address limit: times". */
export function fullLabelOf(name) {
  const who = OF_LIMITED.exec(name)?.[1];
  return who ? `${t(`group.${who}`)}: ${labelOf(name).toLowerCase()}` : labelOf(name);
}

/** A value for people; null is the file's value, whichever that is. */
export function textOf(name, value) {
  if (value === null) return t("value.file");
  if (value === "") return t("value.empty");
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return t(`value.${isCategory(name) ? (value ? "open" : "closed") : value}`);
  return name === "mode" ? nameOf("mode", value) : String(value);
}

export function rangeOf({ kind, lowest, highest }, key = "controls.range_of") {
  if (kind === "integer") return t(key, { lowest: number(lowest), highest: number(highest) });
  return kind === "text" ? t("controls.characters", { highest: number(highest) }) : "";
}

/** "Limit, slots: 25 000 → 18 000" of each name in `after`. */
export function describeChanges(before, after) {
  return Object.keys(after).map(
    (name) => `${fullLabelOf(name)}: ${textOf(name, before[name] ?? null)} → ${textOf(name, after[name])}`,
  );
}

/** "Limit, slots: 18 000" of each. */
export function describeValues(values) {
  return Object.entries(values).map(([name, value]) => `${fullLabelOf(name)}: ${textOf(name, value)}`);
}

/** When a change is made and taken back: `at` as any date, `seconds` after it. */
export function describeTimes({ at, seconds }) {
  const start = at && t("change.at_value", { at: moment(at) });
  const end = seconds && t("change.for_value", { time: duration(seconds) });
  return [start, end].filter(Boolean);
}

/** One sentence of a preview; a code that is new here is told as it came. */
export function describeEffect({ code, ...figures }) {
  const written = Object.entries(figures).map(([name, value]) => [name, figureOf(name, value)]);
  const isMeasured = !Object.values(figures).includes(null);
  const keys = [`effect.${code}.unmeasured`, `effect.${code}`].slice(isMeasured ? 1 : 0);
  const key = keys.find(knows);
  return key ? t(key, Object.fromEntries(written)) : [code, ...written.map((pair) => pair.join(" "))].join(", ");
}

function figureOf(name, value) {
  if (name === "category") return nameOf("category", value);
  if (name.endsWith("seconds")) return duration(value);
  return typeof value === "number" || value === null ? number(value) : String(value);
}
