// The account's pages: countries by their name in the reader's language, and printing what is shown once.

function nameCountries() {
  const names = new Intl.DisplayNames(undefined, { type: "region" });
  for (const place of document.querySelectorAll("[data-country]")) {
    try {
      place.textContent = names.of(place.dataset.country);
    } catch {
      // not a region that this browser knows: its two letters stay
    }
  }
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
nameCountries();
