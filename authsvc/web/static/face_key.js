// This browser's key for captures: made once, kept in IndexedDB under the id that the service gave it, never taken out
// (WebCrypto, not extractable). What it signs is written down in factors/face/devices/key.py; docs/guides/mobile.md.

const DATABASE = "authsvc";
const STORE = "face";
const TRIAL = "trial";
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const PROMPTS = { straight: 1, left: 2, right: 3, closer: 4 };

const encoder = new TextEncoder();
const hash = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const hashText = (text) => hash(encoder.encode(text));

const decoded = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const encoded = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/** Return a new key pair; its private half can't be read by anybody. */
export const make = () => crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);

/** Return what registers a key: the body of POST /v1/face/devices. */
export async function registration({ privateKey, publicKey }, { nonce, server, name }) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  const label = encoder.encode("authsvc/face-device/v1\0");
  const message = joined([label, decoded(nonce), await hashText(server), await hash(point), await hashText(name)]);
  return { nonce, name, public_key: { kty, crv, x, y }, signature: await signature(privateKey, message) };
}

/** Return the signature of a capture. Args: frames is [{ prompt, offset_ms, blob }]. */
export async function signedCapture(privateKey, { nonce, server, device, frames }) {
  const label = encoder.encode("authsvc/face-capture/v1\0");
  const parts = [label, decoded(nonce), await hashText(server), await hashText(device), Uint8Array.of(frames.length)];
  for (const { prompt, offset_ms, blob } of frames) {
    const head = new DataView(new ArrayBuffer(5));
    head.setUint8(0, PROMPTS[prompt]);
    head.setUint32(1, offset_ms);
    parts.push(new Uint8Array(head.buffer), await hash(await blob.arrayBuffer()));
  }
  return signature(privateKey, joined(parts));
}

/** Keep a registered key. */
export const keep = (device, privateKey) => inStore("readwrite", (store) => store.put(privateKey, device));

/** Return whether this browser would keep this key: some keep nothing in private windows. */
export async function keeps(privateKey) {
  try {
    await inStore("readwrite", (store) => (store.put(privateKey, TRIAL), store.delete(TRIAL)));
    return true;
  } catch {
    return false;
  }
}

/** Return the private key of a device of this browser; null where there is none (any more). */
export async function find(device) {
  try {
    return (await inStore("readonly", (store) => store.get(device))) ?? null;
  } catch {
    return null;
  }
}

async function signature(privateKey, message) {
  return encoded(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, message));
}

function inStore(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => (opening.result.close(), resolve(asked.result));
      transaction.onabort = () => (opening.result.close(), reject(transaction.error));
    };
  });
}
