// The dialog in which something is changed: edit with a preview of the effect, check, confirm.
import { ask, ofProgramme } from "./api.js";
import { describeChanges, describeEffect, describeTimes, describeValues, readControls } from "./controls.js";
import { $, h, replaceChildren, toast, write } from "./dom.js";
import { createFields } from "./fields.js";
import { almatyTime, number, t } from "./language.js";

// Short enough to feel live, long enough not to ask at every key.
const PREVIEW_AFTER_MS = 300;

// What is being changed, and what was read from the form for the step of checking.
let task, fields, draft, previewing, previewed = 0;

/** Opens the dialog to edit `names` of `controls`. `onDone` is called after a change. */
export function openChange({ programme, controls, names, title, onDone }) {
  task = { programme, controls, title, onDone, path: "/changes" };
  fields = createFields(names, controls, preview);
  open();
}

/** Opens it for changes that are given, so that only the reason is asked for; another `path` is that of a rollback. */
export function openFixedChange({ programme, controls, changes, title, onDone, path = "/changes" }) {
  const expected = Object.fromEntries(Object.keys(changes).map((name) => [name, controls[name].value]));
  task = { programme, controls, title, onDone, path };
  fields = {
    elements: [list(describeChanges(expected, changes))],
    read: () => ({ changes, expected, faults: {} }),
    showFaults() {},
    showCurrent() {},
    focus: () => $("change-reason").focus(),
  };
  open();
}

export function prepareChange() {
  $("change-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("change-review").hidden) check();
    else send();
  });
  $("change-back").addEventListener("click", () => showStep("edit"));
  $("change-cancel").addEventListener("click", () => $("change").close());
}

function open() {
  $("change-form").reset();
  write($("change-title"), task.title);
  replaceChildren($("change-fields"), fields.elements);
  $("change-when").open = false;
  $("change-when").hidden = task.path !== "/changes";
  say("");
  showStep("edit");
  $("change").showModal();
  fields.focus();
  preview();
}

function showStep(step) {
  const isReview = step === "review";
  for (const part of $("change").querySelectorAll("[data-step]")) part.hidden = part.dataset.step !== step;
  write($("change-next"), t(isReview ? "change.confirm" : "change.review"));
  $("change-next").classList.toggle("sure", isReview);
  // Not onto the button: a second Enter must not change anything unread.
  if (isReview) $("change-review-heading").focus();
}

const say = (text) => write($("change-error"), text);
const list = (lines) => h("ul", { class: "changes" }, lines.map((line) => h("li", {}, line)));

function preview() {
  clearTimeout(previewing);
  const asked = ++previewed;
  previewing = setTimeout(async () => {
    const { changes, faults } = fields.read();
    if (!Object.keys(changes).length || Object.keys(faults).length) return showEffects([t("change.effect_wait")]);
    const lines = await ask("POST", ofProgramme(task.programme, "/preview"), { changes }).then(
      ({ effects }) => (effects.length ? effects.map(describeEffect) : [t("change.effect_none")]),
      () => [t("change.effect_failed")],
    );
    if (asked === previewed) showEffects(lines);
  }, PREVIEW_AFTER_MS);
}

function showEffects(lines) {
  replaceChildren($("change-effect"), lines.map((line) => h("li", {}, line)));
}

function check() {
  const { changes, expected, faults } = fields.read();
  fields.showFaults(faults);
  const reason = $("change-reason").value.trim();
  const times = readTimes();
  if (Object.keys(faults).length) return say("");
  if (!Object.keys(changes).length) return say(t("fault.unchanged"));
  if (times.fault) return say(times.fault);
  if (!reason) {
    $("change-reason").focus();
    return say(t("fault.reason"));
  }
  say("");
  draft = { changes, expected, reason, ...times };
  replaceChildren($("change-summary"), list([...describeChanges(expected, changes), ...describeTimes(timesOf(draft))]));
  write($("change-reason-again"), reason);
  showStep("review");
}

const timesOf = ({ at, for_seconds: seconds }) => ({ at, seconds });

/** { at, for_seconds } or { fault }. */
function readTimes() {
  const [at, minutes] = [$("change-at").value, $("change-for").value.trim()];
  if (minutes && !/^[1-9]\d*$/.test(minutes)) return { fault: t("fault.whole") };
  const start = at ? almatyTime(at) : null;
  if (start && !(Date.parse(start) > Date.now())) return { fault: t("fault.at") };
  return { at: start, for_seconds: minutes ? Number(minutes) * 60 : null };
}

async function send() {
  const isRollback = task.path !== "/changes";
  $("change-next").disabled = true;
  try {
    const body = isRollback ? { reason: draft.reason } : draft;
    const { change, state } = await ask("POST", ofProgramme(task.programme, task.path), body);
    $("change").close();
    toast(t(state === "planned" ? "change.planned" : "change.done", { sequence: number(change) }));
    task.onDone();
  } catch (problem) {
    await explain(problem);
  } finally {
    $("change-next").disabled = false;
  }
}

async function explain(problem) {
  if (problem.status === 401) return $("change").close();
  showStep("edit");
  const { code, current, name, lowest, highest, detail } = problem.body;
  if (code === "changed" && task.path !== "/changes") {
    say(t("change.rollback_stale", { current: describeValues(current).join(", ") }));
  } else if (code === "changed") {
    // What the others set is what is expected from now on; what was typed here stays.
    const newest = await readControls(task.programme).catch(() => task.controls);
    fields.showCurrent(newest);
    preview();
    say(t("change.by_other", { current: describeValues(current).join(", ") }));
  } else if (code === "out_of_range" && lowest !== null) {
    const text = t("fault.out_of_range", { lowest: number(lowest), highest: number(highest) });
    fields.showFaults({ [name]: text });
    say(text);
  } else if (problem.isUnreachable) say(t("fault.unreachable"));
  else if (code === "forbidden") say(t("fault.forbidden"));
  else say(detail ?? t("fault.unknown", { code }));
}
