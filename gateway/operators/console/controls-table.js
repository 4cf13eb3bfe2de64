// The table of all controls, in groups of what is changed in one step.
import { openChange } from "./change.js";
import { fullLabelOf, isCategory, labelOf, LIMITED, MESSAGES, rangeOf, textOf } from "./controls.js";
import { $, cell, h, headRow, linkButton, replaceChildren } from "./dom.js";
import { t } from "./language.js";

const GROUPS = [
  ["limit", ["limit"]],
  ["mode", ["mode", ...MESSAGES]],
  ["speed", ["inlet_per_second", "calls_per_second", "codes_per_day"]],
  ["windows", ["claim_window_seconds", "front_row_window_seconds"]],
  ["leases", ["lease_before_phone_seconds", "lease_after_code_seconds", "unconfirmed_share_percent"]],
  ["conversion", ["codes", "least_percent", "trickle", "shadow"].map((what) => `conversion_${what}`)],
  ...LIMITED.map((who) => [who, ["count", "window_seconds", "shadow"].map((what) => `${who}_${what}`)]),
];

/** [[group, [name…]]…] of the controls there are; what is new here goes to the end. */
function groupsOf(controls) {
  const groups = [...GROUPS, ["categories", Object.keys(controls).filter(isCategory)]];
  const grouped = new Set(groups.flatMap(([, names]) => names));
  const others = Object.keys(controls).filter((name) => !grouped.has(name));
  return [...groups, ["other", others]]
    .map(([group, names]) => [group, names.filter((name) => name in controls)])
    .filter(([, names]) => names.length);
}

/** Opens the dialog for a group; `context` is the rest of what `openChange` needs. */
export function changeGroup(group, context) {
  const [, names] = groupsOf(context.controls).find(([name]) => name === group);
  openChange({ ...context, names, title: t("controls.change_what", { what: t(`group.${group}`) }) });
}

/** `steer` is null for a viewer, else { change(group), reset(name) }. */
export function showControls(controls, steer) {
  const heads = ["control", "value", "default", "range"].map((head) => t(`controls.${head}`));
  const bodies = groupsOf(controls).map(([group, names]) =>
    h("tbody", {},
      h("tr", { class: "group" },
        h("th", { scope: "rowgroup", colspan: 4 }, t(`group.${group}`)),
        h("td", {}, steer && changeButton(group, steer))),
      names.map((name) => rowOf(controls[name], steer))));
  replaceChildren($("controls-table"),
    h("caption", { class: "unseen" }, t("controls.heading")),
    h("thead", {}, headRow([...heads, ""])), bodies);
}

function changeButton(group, steer) {
  const label = t("controls.change_what", { what: t(`group.${group}`) });
  return h("button", { type: "button", "aria-label": label, onclick: () => steer.change(group) }, t("controls.change"));
}

function rowOf(control, steer) {
  const { name, value, overridden } = control;
  const mark = overridden && h("span", { class: "mark" }, t("controls.overridden"));
  return h("tr", {},
    h("th", { scope: "row" }, labelOf(name)),
    cell(t("controls.value"), h("b", {}, textOf(name, value)), " ", mark),
    cell(t("controls.default"), textOf(name, control.default)),
    rangeOf(control) ? cell(t("controls.range"), rangeOf(control)) : h("td"),
    h("td", {}, overridden && steer && resetButton(name, steer)));
}

function resetButton(name, steer) {
  const label = t("controls.reset_what", { what: fullLabelOf(name) });
  return linkButton(t("controls.reset"), label, () => steer.reset(name));
}
