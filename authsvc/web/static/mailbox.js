// The demo's mailbox: look for new mail now and then, and show it when there is some.

const POLL_MS = 2500;

const list = document.querySelector("[data-mailbox]");
const shown = `data-mailbox="${list.dataset.mailbox}"`;

async function refresh() {
  // Never under the hands of somebody who is about to press a button in the list.
  if (document.hidden || list.contains(document.activeElement)) return;
  try {
    const response = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (response.ok && !(await response.text()).includes(shown)) window.location.reload();
  } catch {
    // authsvc is restarting; the next turn asks again
  }
}

setInterval(refresh, POLL_MS);
document.addEventListener("visibilitychange", refresh);
