// The offer of a passkey after a sign-in. While the page is read, a browser that can makes one by itself (conditional
// create); it does so for somebody whose saved password has just been used, and says so itself.
//
// The way to the shop is never blocked: what the service refuses leads there.

import { handOver, say } from "./ceremony.js";
import { Refused, post } from "./http.js";

const button = document.querySelector("button[data-passkey=create]");
const { flow, options, verify } = button.dataset;
const { next } = document.querySelector("[data-next]").dataset;
const RETRIABLE = new Set(["passkey.refused", "limits.too_many", ""]);

let waiting = null;

function stop() {
  waiting?.abort();
  waiting = null;
}

function goOn() {
  stop();
  window.location.assign(next);
}

async function makeQuietly() {
  const { conditionalCreate } = (await PublicKeyCredential.getClientCapabilities?.()) ?? {};
  if (!conditionalCreate) return;
  const mine = new AbortController();
  waiting = mine;
  try {
    const { publicKey } = await post(options, { flow, conditional: true });
    if (mine.signal.aborted) return;
    const credential = await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
      mediation: "conditional",
      signal: mine.signal,
    });
    say("Your browser has made a passkey. Going on…");
    await handOver(verify, flow, credential, publicKey.rp.id);
  } catch (problem) {
    // The browser's reasons are its own, and the page still offers one; the service's mean that the offer is over.
    if (!mine.signal.aborted && problem instanceof Refused && !RETRIABLE.has(problem.code)) goOn();
  }
}

document.addEventListener("passkey:begins", stop);
document.addEventListener("passkey:ended", ({ detail }) => {
  if (detail instanceof Refused && !RETRIABLE.has(detail.code)) goOn();
});
document.addEventListener("submit", stop);
makeQuietly();
