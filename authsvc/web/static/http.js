// One way to talk to the service from a page: JSON, and with a POST the page's CSRF token.

const UNREACHABLE = "We could not reach the service. Check your connection and try again.";
const UNEXPECTED = "Something went wrong on our side. Please try again.";

/**
 * The service, or the network, said no; the message is for the person who reads the page, the code for the script.
 * `retryAfterMs` is 0 where nobody said when to come back.
 */
export class Refused extends Error {
  constructor(problem, retryAfterS) {
    super(problem?.detail ?? UNEXPECTED);
    this.problem = problem ?? {};
    this.code = this.problem.code ?? "";
    this.retryAfterMs = 1000 * (Number(retryAfterS) || 0);
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { redirect: "error", ...options });
  } catch {
    throw new Refused({ detail: UNREACHABLE });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw new Refused(answer, response.headers.get("Retry-After"));
  return answer;
}

/** Return the JSON answer; throws Refused. */
export function post(path, body) {
  const token = document.querySelector("meta[name=csrf]").content;
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Return the JSON answer; throws Refused. */
export function get(path) {
  return ask(path, { headers: { Accept: "application/json" } });
}

/** Send a body on a ticket of the face factor's API, which takes no cookie for a permission; throws Refused. */
export function send(path, { ticket, body, type }) {
  const headers = { Authorization: `Bearer ${ticket}`, Accept: "application/json" };
  if (type) headers["Content-Type"] = type;
  return ask(path, { method: "POST", headers, body });
}
