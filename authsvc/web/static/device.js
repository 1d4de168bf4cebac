// A new device: wait for the app to register its key, or make a key in this browser and register that.
//
// The browser's key can't be taken out of it (not extractable); the page of a capture finds it in IndexedDB, database
// "authsvc", store "face", under "device": { id, privateKey }. What it signs: factors/face/devices/key.py.

const POLL_MS = 2000;
const PAGE = "/account/face";
const said = document.querySelector("[data-new-device-said]");

const encoder = new TextEncoder();
const hash = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const decoded = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const encoded = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

function keep(device) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("authsvc", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("face");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const writing = opening.result.transaction("face", "readwrite");
      writing.objectStore("face").put(device, "device");
      writing.oncomplete = resolve;
      writing.onerror = () => reject(writing.error);
    };
  });
}

async function register({ ticket, nonce, server }, name) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  const message = joined([
    encoder.encode("authsvc/face-device/v1\0"),
    decoded(nonce),
    await hash(encoder.encode(server)),
    await hash(point),
    await hash(encoder.encode(name)),
  ]);
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, message);
  const response = await fetch("/v1/face/devices", {
    method: "POST",
    headers: { Authorization: `Bearer ${ticket}`, "Content-Type": "application/json" },
    body: JSON.stringify({ nonce, name, public_key: { kty, crv, x, y }, signature: encoded(new Uint8Array(signature)) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  await keep({ id: answer.device, privateKey });
}

const here = document.querySelector("[data-new-browser]");
here?.querySelector("[data-new-browser-make]").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  try {
    await register(here.dataset, document.querySelector("#device-name").value);
    location.assign(PAGE);
  } catch (problem) {
    said.textContent = `${problem.message} Go back and try again.`;
  }
});

const waiting = document.querySelector("[data-new-device]");
if (waiting) {
  const timer = setInterval(async () => {
    try {
      const response = await fetch(`${PAGE}/devices/status`, { headers: { Accept: "application/json" } });
      const { status } = response.ok ? await response.json() : { status: "waiting" };
      if (status === "registered") location.assign(PAGE);
      if (status === "expired") said.textContent = "The ticket has expired. Go back for a new one.";
      if (status !== "waiting") clearInterval(timer);
    } catch {
      // a network that comes and goes; the next turn asks again
    }
  }, POLL_MS);
}
