// Changes that wait for their time.
import { ask, ofProgramme } from "./api.js";
import { describeValues } from "./controls.js";
import { $, h, linkButton, replaceChildren, toast } from "./dom.js";
import { moment, t } from "./language.js";

/** Reads and shows the plans; nothing is shown while there are none. */
export async function loadPlans(programme, mayCancel) {
  const { plans } = await ask("GET", ofProgramme(programme, "/plans")).catch(() => ({ plans: [] }));
  $("plans").hidden = !plans.length;
  const reload = () => loadPlans(programme, mayCancel);
  replaceChildren($("plans-list"), plans.map((plan) => itemOf(programme, plan, mayCancel && reload)));
}

function itemOf(programme, { id, at, actor, reason, changes }, reload) {
  const about = `${moment(at)} · ${describeValues(changes).join(", ")} · ${actor}: ${reason}`;
  return h("li", {}, h("span", {}, about), reload && cancelButton(programme, id, reload));
}

function cancelButton(programme, id, reload) {
  const cancel = () =>
    ask("DELETE", ofProgramme(programme, `/plans/${id}`))
      .then(() => toast(t("plans.cancelled")), (problem) => toast(problem.body.detail ?? t("fault.no_answer")))
      .then(reload);
  return linkButton(t("plans.cancel"), null, cancel);
}
