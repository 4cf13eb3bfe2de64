// Which charts there are. They are made anew when the language or the colours change.
import { createChart } from "./chart.js";
import { $, h, replaceChildren } from "./dom.js";
import { duration, nameOf, number, rate, t } from "./language.js";

// More lines than colours that can be told apart help nobody.
const MOST_REASONS = 5;

const FIXED = [
  { place: "chart-slots", title: "chart.slots", format: number, series: [
    { name: "series.live", of: (sample) => sample.live, colour: 1, isFilled: true },
    { name: "series.limit", of: (sample) => sample.limit, colour: 2, line: "dashed", isStepped: true },
  ] },
  { place: "chart-flow", title: "chart.flow", format: rate, series: [
    { name: "series.arrivals", of: (sample) => sample.arrivals, colour: 1 },
    { name: "series.admissions", of: (sample) => sample.admissions, colour: 3 },
    { name: "series.forwarded", of: (sample) => sample.forwarded, colour: 4, line: "dashed" },
  ] },
  { place: "chart-wait", title: "chart.wait", format: duration, series: [
    { name: "series.promised", of: (sample) => sample.eta_promised_seconds, colour: 1, line: "dashed" },
    { name: "series.waited", of: (sample) => sample.eta_waited_seconds, colour: 2 },
  ] },
  { place: "chart-line", title: "chart.line", format: number, series: [
    { name: "series.waiting", of: (sample) => sample.waiting, colour: 4, isFilled: true },
  ] },
];

let fixed = [], refusals, shownReasons;

/** Makes all charts anew, in the language and colours in force. */
export function rebuildCharts() {
  fixed.forEach((chart) => chart.end());
  fixed = FIXED.map(({ place, title, series, format }) => {
    const chart = createChart(t(title), series.map((one) => ({ ...one, name: t(one.name) })), format);
    replaceChildren($(place), chart.figure);
    return chart;
  });
  refusals?.end();
  refusals = shownReasons = undefined;
}

export function drawCharts(samples) {
  fixed.forEach((chart) => chart.draw(samples));
  drawRefusals(samples);
}

function drawRefusals(samples) {
  const totals = totalsOf(samples);
  const reasons = Object.keys(totals).sort((a, b) => totals[b] - totals[a]);
  const [shown, others] = [reasons.slice(0, MOST_REASONS).sort(), reasons.slice(MOST_REASONS)];
  const wanted = [...shown, others.length > 0].join();
  if (wanted !== shownReasons) {
    shownReasons = wanted;
    refusals?.end();
    refusals = shown.length ? createChart(t("chart.refusals"), seriesOf(shown, others.length), rate) : undefined;
    const nothing = [h("h3", {}, t("chart.refusals")), h("p", { class: "quiet" }, t("chart.no_refusals"))];
    replaceChildren($("chart-refusals"), refusals ? refusals.figure : nothing);
  }
  refusals?.draw(samples);
}

function totalsOf(samples) {
  const totals = {};
  for (const sample of samples)
    for (const [code, count] of Object.entries(sample.refusals ?? {})) totals[code] = (totals[code] ?? 0) + count;
  return totals;
}

// A reason that is not named in a second was not given in it; a second without refusals at all is unknown.
function seriesOf(shown, hasOthers) {
  const series = shown.map((code, i) => ({
    name: nameOf("refusal", code),
    of: (sample) => sample.refusals && (sample.refusals[code] ?? 0),
    colour: i + 1,
  }));
  if (!hasOthers) return series;
  const of = (sample) => sample.refusals && refusedBesides(sample.refusals, shown);
  return [...series, { name: t("series.other"), of, colour: 6, line: "dotted" }];
}

function refusedBesides(refusals, shown) {
  const others = Object.entries(refusals).filter(([code]) => !shown.includes(code));
  return others.reduce((sum, [, count]) => sum + count, 0);
}
