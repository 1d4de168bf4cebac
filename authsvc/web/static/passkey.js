// Passkeys: ask the service for options, let the browser do the ceremony, hand its answer back.
// The browser's own JSON encoding is used (WebAuthn Level 3, 5.1.8 to 5.1.10); nothing is encoded here.

import { Refused, post } from "./http.js";

const BUSY = "aria-disabled";

const ceremonies = {
  async get(publicKey) {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  },
  async create(publicKey) {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  },
};

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

async function run(button) {
  const { passkey: kind, flow, options, verify } = button.dataset;
  const status = document.querySelector("#passkey-status");
  const problemBox = document.querySelector("#passkey-problem");
  problemBox.hidden = true;
  button.setAttribute(BUSY, "true");
  status.textContent = "Follow your browser's prompt.";
  try {
    const { publicKey } = await post(options, { flow });
    const credential = await ceremonies[kind](publicKey);
    status.textContent = "Checking…";
    const { next } = await post(verify, { flow, credential: credential.toJSON() });
    window.location.assign(next);
  } catch (problem) {
    status.textContent = "";
    problemBox.querySelector("p").textContent = explain(problem, kind);
    problemBox.hidden = false;
    button.removeAttribute(BUSY);
  }
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  button.addEventListener("click", () => {
    if (!button.hasAttribute(BUSY)) run(button);
  });
}
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-passkey]")) button.removeAttribute(BUSY);
});
