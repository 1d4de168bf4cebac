// A page between the end of a sign-in and the shop: where nobody answers, it leads on before what was proven has aged.

const { next, waitsS } = document.querySelector("[data-next]").dataset;

setTimeout(() => window.location.assign(next), Number(waitsS) * 1000);
