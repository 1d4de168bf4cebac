// The page of a capture: offer this browser's camera, wait for an app that reads the ticket, show how it ended, and go on
// by itself where the capture counts.
//
// The service is asked how the ticket is, less often the longer nothing comes of it or the network fails, and never while
// nobody sees the page.

import { Capture } from "./face_capture.js";
import { get } from "./http.js";

const SOON_MS = 1500;
const LATE_MS = 6000;
const SLOWER = 1.25;
const OVER = [403, 404, 409, 410]; // the flow has gone on in another tab, or was given up

const page = document.querySelector("[data-face]");
const { flow, face: state, ticketId } = page.dataset;
const ends = performance.now() + Number(page.dataset.expires) * 1000;
const camera = page.querySelector("[data-capture]");
const clock = page.querySelector("[data-face-clock]");

let wait = SOON_MS;
let asking = null;
let capture = null;
let over = state !== "waiting";

function showTime() {
  const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  if (left === 0) show("expired", "Nothing was kept. You can start again with a new one.");
  else if (!over) setTimeout(showTime, 1000);
}

function show(status, reason, counts = false) {
  const result = document.querySelector(`[data-face-result="${CSS.escape(status)}"]`);
  if (over || !result) return;
  over = true;
  clearTimeout(asking);
  capture?.stop();
  page.hidden = true;
  result.querySelector("[data-face-reason]").textContent = reason ?? "";
  result.hidden = false;
  const heading = result.querySelector("h1");
  document.title = heading.textContent;
  heading.focus();
  if (counts || status === "enrolled") document.querySelector("[data-face-go-on]")?.click();
}

async function ask() {
  clearTimeout(asking);
  if (over || document.hidden) return;
  try {
    const query = new URLSearchParams({ flow, ticket: ticketId });
    const { status, reason, counts } = await get(`/login/face/status?${query}`);
    if (status !== "waiting") show(status, reason, counts);
  } catch (problem) {
    if (OVER.includes(problem.problem?.status)) show("elsewhere");
    wait = Math.min(LATE_MS, wait * 2);
  }
  wait = Math.min(LATE_MS, wait * SLOWER);
  if (!over) asking = setTimeout(ask, wait);
}

async function offerCamera() {
  const phone = page.querySelector("[data-phone]");
  if (!camera) return;
  capture = new Capture(camera, (outcome, reason, counts) => show(outcome, reason, counts));
  const obstacle = await capture.obstacle();
  camera.hidden = false;
  if (!obstacle) return;
  camera.querySelector("[data-capture-obstacle] p").textContent = obstacle;
  camera.dataset.stage = "obstacle";
  phone.open = true;
}

if (!over) {
  showTime();
  offerCamera();
  asking = setTimeout(ask, wait);
  document.addEventListener("visibilitychange", () => {
    wait = SOON_MS;
    ask();
  });
}
