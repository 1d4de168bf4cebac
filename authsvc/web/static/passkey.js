// Passkeys by button: ask the service for options, let the browser do the ceremony, hand its answer back.
// The browser's own JSON encoding is used (WebAuthn Level 3, 5.1.8 to 5.1.10); nothing is encoded here.
// Options name no transports and no attachment: a phone nearby may answer as well as this device.

import { complain, handOver, say } from "./ceremony.js";
import { post } from "./http.js";

const BUSY = "aria-disabled";

const ceremonies = {
  async get(publicKey) {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  },
  async create(publicKey) {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  },
};

async function run(button) {
  const { passkey: kind, flow, options, verify } = button.dataset;
  document.dispatchEvent(new CustomEvent("passkey:begins"));
  button.setAttribute(BUSY, "true");
  say("Follow your browser's prompt.");
  try {
    const { publicKey } = await post(options, { flow });
    const credential = await ceremonies[kind](publicKey);
    say("Checking…");
    await handOver(verify, flow, credential, publicKey.rpId);
  } catch (problem) {
    complain(problem, kind);
    button.removeAttribute(BUSY);
    document.dispatchEvent(new CustomEvent("passkey:ended", { detail: problem }));
  }
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  button.addEventListener("click", () => {
    if (!button.hasAttribute(BUSY)) run(button);
  });
  button.disabled = false;
}
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-passkey]")) button.removeAttribute(BUSY);
});
