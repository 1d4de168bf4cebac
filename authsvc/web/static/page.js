// On every page: bring a problem to the reader's attention, send a form once, show times in the reader's own zone.

const BUSY = "aria-disabled";

function focusProblem() {
  if (document.querySelector("[autofocus]")) return; // that field is described by the problem
  document.querySelector("#problem")?.focus();
}

// A second press would count as a second attempt.
function sendOnce(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute(BUSY, "true");
}

function allowAgain() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll(`[${BUSY}]`)) button.removeAttribute(BUSY);
  }
}

function showLocalTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) time.textContent = format.format(moment);
  }
}

document.addEventListener("submit", sendOnce);
window.addEventListener("pageshow", allowAgain); // also when the reader comes back by the browser's history
showLocalTimes();
focusProblem();
