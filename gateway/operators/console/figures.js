// The figures of one moment: slots, tiles, systems, queues, messages, processes.
import { meanOf } from "./chart.js";
import { $, cell, h, replaceChildren, write } from "./dom.js";
import { duration, nameOf, number, percent, rate, signedPercent, t } from "./language.js";

// A rate of a single second jumps too much to be read from across the room.
const SMOOTHED_OVER = 10;

export function showFigures(state, samples) {
  showSlots(state);
  showTiles(state, samples.slice(-SMOOTHED_OVER));
  showSystems(state.systems);
  showQueues(state.queues);
  showAround(state);
}

function showSlots({ live, limit, confirmed, unconfirmed, reserved, high }) {
  write($("live"), number(live));
  write($("limit"), t("slots.of", { limit: number(limit) }));
  const free = live == null || limit == null ? null : Math.max(0, limit - live - (reserved ?? 0));
  write($("free"), t("slots.free", { count: number(free) }));
  write($("high"), t("slots.high", { count: number(high) }));
  // A limit lowered below what is taken stands inside the bar.
  const whole = Math.max((live ?? 0) + (reserved ?? 0), limit ?? 0, 1);
  const parts = { confirmed, unconfirmed, reserved };
  for (const [name, count] of Object.entries(parts)) {
    $(`bar-${name}`).style.width = `${((count ?? 0) / whole) * 100}%`;
    write($(`count-${name}`), number(count));
  }
  $("bar-limit").style.left = `${((limit ?? whole) / whole) * 100}%`;
  $("bar").setAttribute("aria-label", t("slots.bar", { live: number(live), limit: number(limit) }));
}

function showTiles(state, lately) {
  const { sample } = state;
  const tiles = {
    waiting: [number(state.waiting), t("tile.front_row", { count: number(state.front_row_waiting) })],
    wait: [duration(state.eta_seconds), told("tile.wait_p90", { time: state.eta_p90_seconds })],
    arrivals: [rate(meanOf(lately, (one) => one.arrivals)), t("tile.per_second")],
    admissions: [rate(meanOf(lately, (one) => one.admissions)), t("tile.per_second")],
    refusals: [rate(meanOf(lately, refused)), t("tile.per_second")],
    waited: [
      duration(sample.eta_waited_seconds),
      told("tile.promised", { time: sample.eta_promised_seconds, percent: signedPercent(missedBy(sample)) }),
    ],
    queue: [duration(oldestOf(state.queues)), t("tile.queue_jobs", { count: number(jobsOf(state.queues)) })],
    accepted: [
      number(state.accepted),
      t("tile.forwarded", { count: rate(meanOf(lately, (one) => one.forwarded)) }),
    ],
  };
  for (const [name, [value, below]] of Object.entries(tiles)) {
    write($(`tile-${name}`), value);
    write($(`below-${name}`), below);
  }
}

/** The text with its time, or what is said while there is none. */
function told(key, { time, ...others }) {
  return time == null ? t(`${key}.unmeasured`) : t(key, { time: duration(time), ...others });
}

const refused = ({ refusals }) => refusals && Object.values(refusals).reduce((sum, count) => sum + count, 0);

function missedBy({ eta_promised_seconds: promised, eta_waited_seconds: waited }) {
  return promised && waited != null ? (waited / promised - 1) * 100 : null;
}

function knownOf(queues, field) {
  return Object.values(queues ?? {}).map((queue) => queue[field]).filter((value) => value != null);
}

function oldestOf(queues) {
  const known = knownOf(queues, "oldest_seconds");
  return known.length ? Math.max(...known) : null;
}

function jobsOf(queues) {
  const known = knownOf(queues, "jobs");
  return known.length ? known.reduce((sum, jobs) => sum + jobs, 0) : null;
}

function showSystems(systems) {
  const rows = Object.entries(systems ?? {}).map(([name, { state, calls_per_second, errors_percent, p95_ms, breaker }]) => ({
    name: nameOf("system", name),
    state,
    cells: {
      "systems.state": nameOf("system_state", state),
      "systems.calls": rate(calls_per_second),
      "systems.errors": percent(errors_percent),
      "systems.p95": number(p95_ms),
      "systems.breaker": breaker == null ? "–" : nameOf("breaker", breaker),
    },
  }));
  showRows($("systems"), rows);
}

function showQueues(queues) {
  const rows = Object.entries(queues ?? {}).map(([name, { jobs, oldest_seconds }]) => ({
    name: nameOf("queue", name),
    cells: { "queues.jobs": number(jobs), "queues.oldest": duration(oldest_seconds) },
  }));
  showRows($("queues"), rows);
}

/** Rows stay while their names do, so that nobody who reads in them is thrown out each second. */
function showRows(body, rows) {
  const names = JSON.stringify(rows.map(({ name, cells }) => [name, ...Object.keys(cells).map((head) => t(head))]));
  if (body.dataset.names !== names) replaceChildren(body, rows.map(rowOf));
  body.dataset.names = names;
  rows.forEach(({ state, cells }, i) => {
    const [first, ...others] = body.rows[i].querySelectorAll("td > span");
    if (state) first.className = `lamp ${state}`;
    [first, ...others].forEach((place, j) => write(place, Object.values(cells)[j]));
  });
}

function rowOf({ name, cells }) {
  return h("tr", {}, h("th", { scope: "row" }, name), Object.keys(cells).map((head) => cell(t(head))));
}

function showAround({ sms, gateways_alive, workers_alive, store_up }) {
  write($("sms-sent"), number(sms?.sent));
  write($("sms-confirmed"), number(sms?.confirmed));
  write($("sms-share"), percent(sms?.confirmed_percent));
  showAlive("gateways", gateways_alive, number(gateways_alive));
  showAlive("workers", workers_alive, number(workers_alive));
  showAlive("store", store_up, store_up == null ? "–" : t(store_up ? "alive.up" : "alive.down"));
}

function showAlive(name, value, text) {
  write($(`alive-${name}`), text);
  $(`alive-${name}`).className = `lamp ${value == null ? "unknown" : value ? "up" : "down"}`;
}
