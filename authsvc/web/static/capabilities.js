// A classic script, run before the first paint: says in a class what this browser can do, so that app.css shows
// passkeys only where they work and nothing jumps.
{
  const root = document.documentElement;
  root.classList.add("has-js");
  const credential = window.PublicKeyCredential;
  if (credential?.parseCreationOptionsFromJSON && credential.parseRequestOptionsFromJSON && credential.prototype.toJSON) {
    root.classList.add("has-webauthn");
  }
}
