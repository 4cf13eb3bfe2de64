// A chart of the last fifteen minutes: drawn by uPlot, with a legend, and a table of minutes for whoever cannot see it.
import { h, headRow, replaceChildren, write } from "./dom.js";
import { duration, minuteOfDay, t, timeOfDay } from "./language.js";

const { uPlot } = window;

// A line over seconds of which nothing is known would be a guess.
const GAP_SECONDS = 5;
const WINDOW_SECONDS = 900;
const MINUTE_MS = 60_000;
const DASHES = { dashed: [8, 5], dotted: [2, 4] };

// Steps of an axis of durations, so that it says whole minutes and hours.
const STEPS_OF_SECONDS = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400];

/** `series`: [{ name, of(sample), colour: 1–6, line: "dashed" / "dotted", isFilled, isStepped }]. */
export function createChart(title, series, format) {
  const values = series.map(() => h("b"));
  const when = h("span", { class: "when" });
  const items = series.map((one, i) => h("li", {}, swatch(one), h("span", {}, one.name), values[i]));
  const plot = h("div", { class: "plot", role: "img" });
  const table = h("table");
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, table);
  const details = h("details", {}, h("summary", {}, t("chart.table")), scroll);
  const figure = h(
    "figure", {},
    h("figcaption", {}, h("h3", {}, title), when),
    h("ul", { class: "legend" }, items), plot, details,
  );
  let columns = [[], ...series.map(() => [])], samples = [];
  const chart = new uPlot(optionsOf(series, format, showValues), columns, plot);

  // Under the pointer when it is over the plot, else the newest.
  function showValues() {
    const index = chart?.cursor.idx ?? columns[0].length - 1;
    series.forEach((_, i) => write(values[i], format(columns[i + 1][index])));
    write(when, chart?.cursor.idx == null ? "" : timeOfDay(columns[0][index] * 1000));
  }

  const fit = new ResizeObserver(() => plot.clientWidth && chart.setSize(sizeOf(plot)));
  fit.observe(plot);
  details.addEventListener("toggle", () => details.open && tabulate());
  const tabulate = () => fillTable(table, title, series, samples, format);

  return {
    figure,
    draw(newest) {
      samples = newest;
      columns = columnsOf(samples, series);
      chart.setData(columns, false);
      const last = columns[0].at(-1) ?? Date.now() / 1000;
      chart.setScale("x", { min: last - WINDOW_SECONDS, max: last });
      showValues();
      plot.setAttribute("aria-label", summarise(title, series, columns, format));
      if (details.open) tabulate();
    },
    end() {
      fit.disconnect();
      chart.destroy();
    },
  };
}

function swatch({ colour, line }) {
  return h("span", { class: `swatch series-${colour} ${line ?? ""}`, "aria-hidden": "true" });
}

function sizeOf(plot) {
  return { width: plot.clientWidth, height: plot.clientHeight };
}

function columnsOf(samples, series) {
  const columns = [[], ...series.map(() => [])];
  let before;
  for (const sample of samples) {
    const second = Date.parse(sample.at) / 1000;
    if (second - before > GAP_SECONDS) {
      columns[0].push(before + 1);
      series.forEach((_, i) => columns[i + 1].push(null));
    }
    columns[0].push(second);
    series.forEach((one, i) => columns[i + 1].push(one.of(sample) ?? null));
    before = second;
  }
  return columns;
}

function optionsOf(series, format, onCursor) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: colour("muted"), font, grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  return {
    width: 300,
    height: 160,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, sync: { key: "console" } },
    scales: { y: { range: (_, __, highest) => [0, highest > 0 ? highest * 1.08 : 1] } },
    axes: [
      { ...axis, space: 60, size: 26, values: (_, seconds) => seconds.map((second) => minuteOfDay(second * 1000)) },
      { ...axis, size: 62, gap: 4, space: 34, incrs: stepsOf(format), values: (_, found) => found.map(format) },
    ],
    series: [{}, ...series.map((one) => lineOf(one, colour(`series-${one.colour}`)))],
    hooks: { setCursor: [onCursor] },
  };
}

// Halves between whole numbers would be written as the same number twice.
function stepsOf(format) {
  if (format === duration) return STEPS_OF_SECONDS;
  const powers = Array.from({ length: 8 }, (_, exponent) => 10 ** exponent);
  return powers.flatMap((power) => [power, 2 * power, 5 * power]);
}

function lineOf(one, colour) {
  return {
    stroke: colour,
    // Two hex digits of opacity behind the colour.
    fill: one.isFilled ? `${colour}26` : undefined,
    width: 2,
    dash: DASHES[one.line],
    paths: one.isStepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    points: { show: false },
  };
}

function summarise(title, series, columns, format) {
  const now = series.map((one, i) => `${one.name} ${format(columns[i + 1].at(-1))}`).join(", ");
  const ranges = series.map((one, i) => {
    const known = columns[i + 1].filter((value) => value !== null);
    const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [null, null];
    return `${one.name} ${format(low)} – ${format(high)}`;
  });
  return t("chart.summary", { title, now, range: ranges.join(", ") });
}

function fillTable(table, title, series, samples, format) {
  const minutes = Map.groupBy(samples, (sample) => Math.floor(Date.parse(sample.at) / MINUTE_MS));
  const rows = [...minutes].reverse().map(([minute, during]) =>
    h("tr", {}, h("th", { scope: "row" }, minuteOfDay(minute * MINUTE_MS)),
      series.map((one) => h("td", {}, format(meanOf(during, one.of))))));
  const heads = [t("chart.minute"), ...series.map((one) => one.name)];
  replaceChildren(table,
    h("caption", { class: "unseen" }, title),
    h("thead", {}, headRow(heads)),
    h("tbody", {}, rows));
}

/** The mean of what is known, or null. */
export function meanOf(samples, of) {
  const known = samples.map(of).filter((value) => value != null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}
