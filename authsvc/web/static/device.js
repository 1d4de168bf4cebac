// A new device: wait for the app to register its key, or make a key in this browser and register that.

import { keep, keeps, make, registration } from "./face_key.js";
import { get, send } from "./http.js";

const POLL_MS = 2000;
const PAGE = "/account/face";
const NOT_KEPT = "This browser keeps nothing here (is it a private window?), so it can't be one of your devices.";
const said = document.querySelector("[data-new-device-said]");

async function register({ ticket, nonce, server }, name) {
  const pair = await make();
  if (!(await keeps(pair.privateKey))) throw new Error(NOT_KEPT); // before anything is registered
  const body = JSON.stringify(await registration(pair, { nonce, server, name }));
  const { device } = await send("/v1/face/devices", { ticket, body, type: "application/json" });
  await keep(device, pair.privateKey);
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

if (document.querySelector("[data-new-device]")) {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const { status } = await get(`${PAGE}/devices/status`);
      if (status === "registered") location.assign(PAGE);
      if (status === "expired") said.textContent = "The ticket has expired. Go back for a new one.";
      if (status !== "waiting") clearInterval(timer);
    } catch {
      // a network that comes and goes; the next turn asks again
    }
  }, POLL_MS);
}
