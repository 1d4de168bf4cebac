// Tell the service which time zone this device is set to: a sign-in from another one than usual is less usual. It lasts
// as long as the browser is open, and proves nothing.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `__Host-zone=${zone}; Path=/; Secure; SameSite=Lax`;
