// While the app captures: count the ticket's time down, ask now and then whether it is done, show how it ended, and go on by itself where the
// capture counts.

const POLL_MS = 2000;

const waiting = document.querySelector("[data-face]");
const clock = document.querySelector("[data-face-clock]");
const { flow, face: state } = waiting.dataset;
const ends = performance.now() + Number(waiting.dataset.expires) * 1000;
const timers = [];

function showTime() {
  const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

function show(status, reason) {
  const result = document.querySelector(`[data-face-result="${CSS.escape(status)}"]`);
  if (!result) return;
  timers.forEach(clearInterval);
  waiting.hidden = true;
  result.querySelector("[data-face-reason]").textContent = reason ?? "";
  result.hidden = false;
  const heading = result.querySelector("h1");
  document.title = heading.textContent;
  heading.focus();
}

async function ask() {
  try {
    const response = await fetch(`/login/face/status?flow=${encodeURIComponent(flow)}`, {
      headers: { Accept: "application/json" },
    });
    if (response.ok) {
      const { status, reason, counts } = await response.json();
      if (status !== "waiting") show(status, reason);
      if (counts) document.querySelector("[data-face-go-on]")?.click();
    }
  } catch {
    // a network that comes and goes; the next turn asks again
  }
  if (performance.now() > ends + POLL_MS) show("expired", "Go back for a new one.");
}

if (state === "waiting") {
  showTime();
  timers.push(setInterval(showTime, 1000), setInterval(ask, POLL_MS));
}
