// Passkeys among the address field's suggestions (conditional mediation): a ceremony waits until somebody picks one.
//
// It steps aside for the button and for the password form, and returns when the button led nowhere. Its challenge lives
// five minutes; a new one is asked for before, and when a sleeping page wakes, so that a page that was left open still
// works. A browser that ends the ceremony at once, or a service that refuses, is not asked in a loop.

import { complain, handOver, say } from "./ceremony.js";
import { Refused, post } from "./http.js";

const RENEW_MS = 270_000; // of the 300 s a challenge lives
const AT_ONCE_MS = 1000;

const field = document.querySelector("input[autocomplete~=webauthn]");
const button = document.querySelector("button[data-passkey=get]");
const { flow, options, verify } = button?.dataset ?? {};

let held = null; // { publicKey, at }: a challenge that nobody has answered yet
let waiting = null; // AbortController of the ceremony that waits
let timer = 0;
let over = false;

const isFresh = () => held !== null && Date.now() - held.at < RENEW_MS;

async function begin() {
  stop();
  if (over) return;
  const mine = new AbortController();
  waiting = mine;
  timer = setTimeout(begin, RENEW_MS);
  let begun = 0;
  try {
    if (!isFresh()) held = { publicKey: (await post(options, { flow, autofill: true })).publicKey, at: Date.now() };
    if (mine.signal.aborted) return;
    begun = performance.now();
    const credential = await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(held.publicKey),
      mediation: "conditional",
      signal: mine.signal,
    });
    clearTimeout(timer);
    await answer(credential);
  } catch (problem) {
    if (mine.signal.aborted) return;
    if (problem instanceof Refused) over = problem.code.startsWith("flow.");
    else if (performance.now() - begun > AT_ONCE_MS) begin(); // somebody changed their mind
  }
}

async function answer(credential) {
  const { rpId } = held.publicKey;
  held = null;
  say("Checking…");
  try {
    await handOver(verify, flow, credential, rpId);
  } catch (problem) {
    complain(problem, "get");
    begin();
  }
}

function stop() {
  clearTimeout(timer);
  waiting?.abort();
  waiting = null;
}

async function start() {
  if (!field || !button || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  document.addEventListener("passkey:begins", stop);
  document.addEventListener("passkey:ended", begin);
  document.addEventListener("submit", stop);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && waiting && !isFresh()) begin();
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) begin(); });
  begin();
}

if (document.documentElement.classList.contains("has-webauthn")) start();
