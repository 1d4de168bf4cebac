// An offer that nobody answers leads on to the shop by itself, before what was proven has aged.

const { next, waitsS } = document.querySelector("[data-next]").dataset;

setTimeout(() => window.location.assign(next), Number(waitsS) * 1000);
