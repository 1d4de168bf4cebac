// Buttons that copy a short text. Without a clipboard (plain http on another machine) they stay hidden.

const SHOWN_MS = 2000;

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.querySelector("[data-copy-label]");
  const before = label.dataset.before ?? label.textContent;
  label.dataset.before = before;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Could not copy";
  }
  setTimeout(() => { label.textContent = before; }, SHOWN_MS);
});
