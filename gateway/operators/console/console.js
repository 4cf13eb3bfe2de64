// The page: who is logged in, which programme is watched, and what is drawn when something new is known.
import { showAge, showAlarms, showMode, forgetAlarms } from "./alarms.js";
import { ask, onUnauthorized } from "./api.js";
import { load as loadAudit, prepareAudit, showAudit } from "./audit.js";
import { openFixedChange, prepareChange } from "./change.js";
import { drawCharts, rebuildCharts } from "./charts.js";
import { changeGroup, showControls } from "./controls-table.js";
import { fullLabelOf, readControls } from "./controls.js";
import { $, h, replaceChildren, toast, write } from "./dom.js";
import { showFigures } from "./figures.js";
import { currentLanguage, LANGUAGES, number, setLanguage, t, timeOfDay, writeTexts } from "./language.js";
import { loadPlans } from "./plans.js";
import { prepareSession, showAccount, showLogIn } from "./session.js";
import { follow } from "./stream.js";

const OPERATOR = "operator";
// Each in itself: who looks for a language reads that one.
const LANGUAGE_NAMES = { kk: "Қазақша", ru: "Русский", en: "English" };
// As many seconds as the API keeps.
const KEPT_SAMPLES = 900;

let me, programmes = [], programme, controls, state, samples = [];
let stopFollowing = () => {};

const steering = () => document.querySelectorAll("[data-change]");
const mayChange = () => me?.role === OPERATOR;

async function start() {
  try {
    me = await ask("GET", "/v1/me");
    programmes = await ask("GET", "/v1/programmes");
  } catch (problem) {
    // Who has no session is shown the way in by onUnauthorized; a server that is away is asked again.
    if (problem.status !== 401) setTimeout(start, 3000);
    return;
  }
  showAccount(me);
  for (const button of steering()) button.hidden = !mayChange();
  prepareAudit(mayChange() ? rollBack : null);
  watch(programmes.some(({ code }) => `#${code}` === location.hash) ? location.hash.slice(1) : programmes[0].code);
}

function watch(code) {
  programme = code;
  history.replaceState(null, "", `#${code}`);
  end();
  showProgrammes();
  rebuildCharts();
  refresh();
  stopFollowing = follow(code, {
    onHistory(found) {
      samples = found;
      drawCharts(samples);
    },
    onState: receive,
    onAge: showAge,
    onBye: () => leave(t("session.ended")),
  });
}

function end() {
  stopFollowing();
  state = controls = undefined;
  samples = [];
  forgetAlarms();
}

function leave(message) {
  end();
  $("change").close();
  me = undefined;
  document.title = t("brand");
  showLogIn(message);
}

function receive(newest) {
  state = newest;
  const { sample } = newest;
  if (sample.at !== samples.at(-1)?.at) samples = [...samples, sample].slice(-KEPT_SAMPLES);
  draw();
  // Somebody else, or another console, changed something.
  const isOther = (name) => state[name] !== null && state[name] !== controls[name].value;
  if (controls && ["limit", "mode"].some(isOther)) refresh();
}

function draw() {
  if (!state) return;
  showMode(state);
  showAlarms(state);
  showFigures(state, samples);
  write($("clock"), timeOfDay(state.at));
  document.title = `${number(state.live)} / ${number(state.limit)} · ${programme} · ${t("brand")}`;
  // Nobody looks, and the next event draws it all.
  if (!document.hidden) drawCharts(samples);
}

/** Reads what changes only when somebody changes it. */
async function refresh() {
  const asked = programme;
  controls = undefined;
  loadAudit();
  loadPlans(programme, mayChange());
  const found = await readControls(programme).catch(() => undefined);
  if (asked !== programme || !found) return;
  controls = found;
  drawControls();
}

function drawControls() {
  if (controls) showControls(controls, mayChange() ? { change, reset } : null);
}

/** Opens a dialog on the values of this very moment, so that a conflict is a real one. */
async function steer(open) {
  const found = await readControls(programme).catch(() => null);
  if (found) open({ programme, controls: found, onDone: refresh });
  else toast(t("fault.no_answer"));
}

const change = (group) => steer((context) => changeGroup(group, context));

function reset(name) {
  const title = t("controls.reset_what", { what: fullLabelOf(name) });
  steer((context) => openFixedChange({ ...context, title, changes: { [name]: null } }));
}

function rollBack({ sequence, details }) {
  const title = t("audit.roll_back_what", { sequence: number(sequence) });
  const path = `/changes/${sequence}/rollback`;
  steer((context) => openFixedChange({ ...context, title, path, changes: details.old }));
}

function showProgrammes() {
  const titleOf = ({ code, titles }) => `${code} · ${titles[currentLanguage()]}`;
  const options = programmes.map((one) =>
    h("option", { value: one.code, selected: one.code === programme }, titleOf(one)));
  replaceChildren($("programme"), options);
  $("programme").hidden = programmes.length < 2;
  write($("programme-title"), titleOf(programmes.find(({ code }) => code === programme)));
}

function speak() {
  writeTexts();
  replaceChildren($("languages"), LANGUAGES.map(languageButton));
}

function languageButton(language) {
  const isPressed = String(language === currentLanguage());
  const attributes = { type: "button", lang: language, title: LANGUAGE_NAMES[language], "aria-pressed": isPressed };
  return h("button", { ...attributes, onclick: () => speakIn(language) }, language.toUpperCase());
}

function speakIn(language) {
  setLanguage(language);
  speak();
  $("languages").querySelector(`[lang=${language}]`).focus();
  redraw();
}

/** All that was drawn, in another language or other colours. */
function redraw() {
  if (!me) return;
  showAccount(me);
  showProgrammes();
  forgetAlarms();
  rebuildCharts();
  draw();
  drawControls();
  showAudit();
  loadPlans(programme, mayChange());
}

onUnauthorized(() => (me ? leave(t("session.ended")) : showLogIn()));
prepareSession({ onLogIn: start, onLogOut: () => leave("") });
prepareChange();
$("programme").addEventListener("change", () => watch($("programme").value));
for (const button of steering()) button.addEventListener("click", () => change(button.dataset.change));
document.addEventListener("visibilitychange", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
speak();
start();
