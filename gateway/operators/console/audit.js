// The audit trail, newest first, a page at a time.
import { ask } from "./api.js";
import { describeChanges, describeTimes, describeValues } from "./controls.js";
import { $, cell, h, headRow, linkButton, replaceChildren } from "./dom.js";
import { moment, nameOf, number, t } from "./language.js";

const PAGE = 10;
const OF_CHANGES = ["change", "rollback", "cancel_plan"];

let lines = [], isAtEnd = false, rollBack;

/** `onRollBack(line)` is null for a viewer. */
export function prepareAudit(onRollBack) {
  rollBack = onRollBack;
  $("audit-older").onclick = () => load(lines.at(-1)?.sequence);
  $("audit-newest").onclick = () => load();
}

/** Reads the newest page, or the one before a sequence, which is added below. */
export async function load(before) {
  const query = new URLSearchParams(before === undefined ? { limit: PAGE } : { before, limit: PAGE });
  const page = await ask("GET", `/v1/audit?${query}`).catch(() => null);
  if (!page) return;
  lines = before === undefined ? page.lines : [...lines, ...page.lines];
  isAtEnd = page.lines.length < PAGE;
  showAudit();
}

export function showAudit() {
  const heads = ["sequence", "at", "actor", "action", "details", "reason", "outcome"];
  replaceChildren($("audit-table"),
    h("caption", { class: "unseen" }, t("audit.heading")),
    h("thead", {}, headRow([...heads.map((head) => t(`audit.${head}`)), ""])),
    h("tbody", {}, lines.map(rowOf)));
  $("audit-older").hidden = isAtEnd;
  $("audit-end").hidden = !isAtEnd;
}

function rowOf(line) {
  const details = [...detailsOf(line), subjectOf(line)].filter(Boolean).map((text) => h("div", {}, text));
  return h("tr", { "data-sequence": line.sequence },
    h("th", { scope: "row", "data-head": t("audit.sequence") }, number(line.sequence)),
    cell(t("audit.at"), h("time", { datetime: line.at }, moment(line.at))),
    cell(t("audit.actor"), line.actor, " ", line.role && h("small", {}, nameOf("role", line.role))),
    cell(t("audit.action"), nameOf("action", line.action), " ", h("small", {}, line.programme ?? "")),
    details.length ? cell(t("audit.details"), details) : h("td"),
    line.reason ? cell(t("audit.reason"), line.reason) : h("td"),
    cell(t("audit.outcome"), nameOf("outcome", line.outcome)),
    h("td", {}, canRollBack(line) && rollBackButton(line)));
}

// What a change says of itself; the rest is told as it came.
function detailsOf({ details: { changes, expected, old, new: made, current, undoes, request, ...others } }) {
  const { at_ms: at, for_seconds: seconds, ...rest } = others;
  return [
    ...(changes ? describeChanges(expected, changes) : []),
    ...(made ? describeChanges(old, made) : []),
    ...describeTimes({ at, seconds }),
    undoes && t("audit.undoes", { sequence: number(undoes) }),
    request && t("audit.line", { sequence: number(request) }),
    current && Object.keys(current).length && t("audit.current", { values: describeValues(current).join(", ") }),
    Object.keys(rest).length && JSON.stringify(rest),
  ];
}

// What came of a request names its line; other subjects are names.
function subjectOf({ action, subject }) {
  return subject && OF_CHANGES.includes(action) ? t("audit.line", { sequence: number(subject) }) : subject;
}

const canRollBack = ({ outcome, details }) => rollBack && outcome === "done" && details.old && details.new;

function rollBackButton(line) {
  const label = t("audit.roll_back_what", { sequence: number(line.sequence) });
  return linkButton(t("audit.roll_back"), label, () => rollBack(line));
}
