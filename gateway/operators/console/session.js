// Logging in and out. The token goes to the server once and comes back as a cookie no script can read.
import { ask } from "./api.js";
import { $, toast, write } from "./dom.js";
import { moment, nameOf, t } from "./language.js";

/** Wires the log-in form and the log-out button. */
export function prepareSession({ onLogIn, onLogOut }) {
  $("log-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = $("token");
    try {
      await ask("POST", "/v1/session", { token: field.value.trim() });
      field.value = "";
      write($("log-in-error"), "");
      onLogIn();
    } catch (problem) {
      const why = problem.status === 401 ? t("session.wrong") : problem.body.detail;
      write($("log-in-error"), why ?? t("fault.no_answer"));
      field.focus();
    }
  });
  $("log-out").addEventListener("click", async () => {
    // Without an answer the cookie may still live; the page stays so that one sees it.
    await ask("DELETE", "/v1/session").then(onLogOut, () => toast(t("fault.no_answer")));
  });
}

export function showLogIn(message = "") {
  $("watch").hidden = $("account").hidden = $("programme").hidden = true;
  $("log-in").hidden = false;
  write($("programme-title"), "");
  write($("log-in-error"), message);
  $("token").focus();
}

export function showAccount({ name, role, expires_at: until }) {
  $("log-in").hidden = true;
  $("watch").hidden = $("account").hidden = false;
  write($("account-name"), `${name} · ${nameOf("role", role)}`);
  $("account-name").title = t("session.until", { at: moment(until) });
}
