// Tell the service, by a hidden field of the sign-in form, that this device could hold a passkey of its own: then one
// may be offered after the password (login/offer). Without an answer in time nothing is offered.

async function canHoldOne() {
  if (!document.documentElement.classList.contains("has-webauthn")) return false;
  const { passkeyPlatformAuthenticator } = (await PublicKeyCredential.getClientCapabilities?.()) ?? {};
  return passkeyPlatformAuthenticator ?? PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
}

const field = document.querySelector("input[name=makes_passkeys]");
if (field && (await canHoldOne())) field.value = "yes";
