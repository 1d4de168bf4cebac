// Tell the browser's passkey manager what the service knows (WebAuthn Level 3, 5.1.10), so that it offers no passkey
// that would be refused, and shows the address and name of today.
//
// Never more than the service said: a passkey that is missing from the list may be taken away by its manager.
// Nobody waits for it: what is not said in time is said on another page.

import { get } from "./http.js";

const PATIENCE_MS = 400;
const manager = window.PublicKeyCredential;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** After a sign-in and after a change: these are the signed-in account's passkeys, all of them. */
export async function tellAccepted() {
  if (!manager?.signalAllAcceptedCredentials) return;
  await Promise.race([tell().catch(() => {}), wait(PATIENCE_MS)]);
}

async function tell() {
  const { account } = await get("/login/passkey/accepted");
  if (!account) return; // nobody is signed in as a customer
  const { rpId, userId, name, displayName, credentialIds } = account;
  await Promise.allSettled([
    manager.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds: credentialIds }),
    manager.signalCurrentUserDetails({ rpId, userId, name, displayName }),
  ]);
}

/** The service has no such passkey, of nobody: the manager may forget it. */
export async function tellUnknown(rpId, credentialId) {
  if (!manager?.signalUnknownCredential) return;
  await Promise.race([manager.signalUnknownCredential({ rpId, credentialId }).catch(() => {}), wait(PATIENCE_MS)]);
}

// A page that shows the account's passkeys, or has changed them, carries this attribute somewhere.
if (document.querySelector("[data-tell-passkeys]")) tellAccepted();
