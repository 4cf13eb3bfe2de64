// The operators' API. Every answer that is no success is thrown as a Problem.
import { currentLanguage } from "./language.js";

const UNREACHABLE = "unreachable";

export class Problem extends Error {
  /** `status` is 0 when nobody answered; `body` is the problem document (RFC 9457). */
  constructor(status, body) {
    super(body.code);
    this.status = status;
    this.code = body.code;
    this.body = body;
  }

  get isUnreachable() {
    return this.code === UNREACHABLE;
  }
}

let endSession = () => {};

/** `then` is called when the session turns out to have ended. */
export function onUnauthorized(then) {
  endSession = then;
}

export async function ask(method, path, body) {
  const headers = { "Accept-Language": currentLanguage() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const reply = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
  if (!reply) throw new Problem(0, { code: UNREACHABLE });
  // An answer that stops halfway is no answer.
  const text = await reply.text().catch(() => null);
  if (text === null) throw new Problem(0, { code: UNREACHABLE });
  if (reply.ok) return text ? JSON.parse(text) : null;
  const problem = new Problem(reply.status, problemOf(reply, text));
  if (reply.status === 401) endSession(problem);
  throw problem;
}

// A proxy in between answers with a page of its own.
function problemOf(reply, text) {
  const isProblem = (reply.headers.get("Content-Type") ?? "").startsWith("application/problem+json");
  return isProblem ? JSON.parse(text) : { code: `HTTP ${reply.status}` };
}

export const ofProgramme = (programme, rest = "") => `/v1/programmes/${programme}${rest}`;
