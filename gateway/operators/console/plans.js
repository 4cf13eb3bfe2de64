// Changes that wait for their time.
import { ask, ofProgramme } from "./api.js";
import { describeTimes, describeValues } from "./controls.js";
import { $, h, linkButton, replaceChildren, toast } from "./dom.js";
import { moment, t } from "./language.js";

/** Reads and shows the plans; nothing is shown while there are none. */
export async function loadPlans(programme, mayCancel) {
  const { plans } = await ask("GET", ofProgramme(programme, "/plans")).catch(() => ({ plans: [] }));
  $("plans").hidden = !plans.length;
  const reload = () => loadPlans(programme, mayCancel);
  replaceChildren($("plans-list"), plans.map((plan) => itemOf(programme, plan, mayCancel && reload)));
}

function itemOf(programme, plan, reload) {
  const { id, at, for_seconds: seconds, actor, reason, changes, goes_back: goesBack } = plan;
  const what = [...describeValues(changes), ...describeTimes({ seconds })].join(", ");
  const about = [moment(at), goesBack && t("plans.goes_back"), what, `${actor}: ${reason}`].filter(Boolean).join(" · ");
  return h("li", {}, h("span", {}, about), reload && cancelButton(programme, id, reload));
}

function cancelButton(programme, id, reload) {
  const cancel = () =>
    ask("DELETE", ofProgramme(programme, `/plans/${id}`))
      .then(() => toast(t("plans.cancelled")), (problem) => toast(problem.body.detail ?? t("fault.no_answer")))
      .then(reload);
  return linkButton(t("plans.cancel"), null, cancel);
}
