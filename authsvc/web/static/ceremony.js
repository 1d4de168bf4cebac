// What every passkey ceremony of a page shares: its words, and handing its answer back to the service.
//
// The browser runs one ceremony at a time. A button's begins with the event `passkey:begins` and, where it led nowhere,
// ends with `passkey:ended` (detail: the problem), so that whatever waits in the background can step aside and return.

import { Refused, post } from "./http.js";
import { tellAccepted, tellUnknown } from "./signals.js";

const status = document.querySelector("#passkey-status");
const problemBox = document.querySelector("#passkey-problem");

/** Say what is going on, and take an earlier complaint away. */
export function say(text) {
  problemBox.hidden = true;
  status.textContent = text;
}

/** Say why it led nowhere. */
export function complain(problem, kind) {
  status.textContent = "";
  problemBox.querySelector("p").textContent = explain(problem, kind);
  problemBox.hidden = false;
}

// The browser never says why a ceremony ended, so that a page can't learn which passkeys somebody has.
function explain(problem, kind) {
  if (problem instanceof Refused) return problem.message;
  if (problem.name === "InvalidStateError") return "This device already holds a passkey for your account. Sign in with it.";
  if (problem.name === "NotAllowedError" || problem.name === "AbortError") {
    return kind === "create"
      ? "No passkey was made. You can try again whenever you like."
      : "No passkey was used. You can try again, or choose another way.";
  }
  return "This browser could not use a passkey here. Please choose another way.";
}

/** Give the browser's answer to the service and go where it says; throws Refused. */
export async function handOver(verify, flow, credential, rpId) {
  let answer;
  try {
    answer = await post(verify, { flow, credential: credential.toJSON() });
  } catch (problem) {
    const unknown = problem.problem?.unknown_credential;
    if (unknown) await tellUnknown(rpId, unknown);
    throw problem;
  }
  await tellAccepted();
  window.location.assign(answer.next);
}
