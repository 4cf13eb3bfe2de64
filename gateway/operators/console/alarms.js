// What an operator must know before any figure: the mode, what is broken, whether the figures are of now.
import { $, announce, h, replaceChildren, write } from "./dom.js";
import { duration, nameOf, number, t } from "./language.js";

let shownMode, shownAlarms, wasStale;

/** Forgets what was shown, so that the next state is written anew, in another language for instance. */
export function forgetAlarms() {
  shownMode = shownAlarms = wasStale = undefined;
}

export function showMode({ mode }) {
  if (mode === shownMode) return;
  const name = nameOf("mode", mode ?? "–");
  write($("mode-name"), name);
  write($("mode-about"), mode ? nameOf("mode_about", mode) : "");
  $("mode").dataset.mode = mode ?? "unknown";
  if (shownMode !== undefined) announce(`${t("group.mode")}: ${name}`);
  shownMode = mode;
}

export function showAlarms(state) {
  const alarms = alarmsOf(state);
  const text = alarms.map(([, line]) => line).join(". ");
  if (text === shownAlarms) return;
  const lines = alarms.map(([level, line]) => h("li", { class: level }, line));
  replaceChildren($("alarms"), lines.length ? lines : h("li", { class: "up" }, t("alarm.none")));
  if (shownAlarms !== undefined || text) announce(text || t("alarm.none"));
  shownAlarms = text;
}

/** [[level, line]…], the worst first. Only what is known to be wrong is an alarm. */
function alarmsOf(state) {
  const of = (wanted) => Object.entries(state.systems ?? {}).filter(([, system]) => system.state === wanted);
  const named = ([name]) => ({ system: nameOf("system", name) });
  const stopped = Object.entries(state.systems ?? {}).filter(([, { breaker }]) => breaker === "open");
  const above = state.live - state.limit;
  return [
    state.store_up === false && ["down", t("alarm.store")],
    state.gateways_alive === 0 && ["down", t("alarm.gateways")],
    state.workers_alive === 0 && ["down", t("alarm.workers")],
    ...of("down").map((one) => ["down", t("alarm.system_down", named(one))]),
    ...stopped.map((one) => ["down", t("alarm.breaker", named(one))]),
    ...of("slow").map((one) => ["slow", t("alarm.system_slow", named(one))]),
    // Not with the count: it changes each second, and would be read out each second.
    state.live != null && state.limit != null && above > 0 && ["slow", t("alarm.above")],
  ].filter(Boolean);
}

/** `age` in seconds since the last event, null before the first. */
export function showAge(age, isStale) {
  $("stale").hidden = !isStale || (age === null && wasStale === undefined);
  $("watch").classList.toggle("stale", isStale);
  const text = age === null ? t("connection.never") : t("connection.stale", { age: duration(age) });
  if (isStale) write($("stale-text"), text);
  $("connection").className = `lamp ${isStale ? (age === null ? "unknown" : "down") : "up"}`;
  write($("connection"), t(`connection.${isStale ? (age === null ? "connecting" : "lost") : "live"}`));
  if (isStale !== wasStale && age !== null)
    if (isStale) announce(text);
    else if (wasStale) announce(t("connection.back"));
  wasStale = isStale;
}
