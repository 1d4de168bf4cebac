// Show and hide a password. Hidden again when the form is sent, so that browsers offer to save it and not to autocomplete it.

for (const button of document.querySelectorAll("button[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const set = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    set(field.type === "password");
    field.focus();
  });
  field.form.addEventListener("submit", () => set(false));
}
