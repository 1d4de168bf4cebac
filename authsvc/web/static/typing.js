// The rhythm of typing in the fields for address and password: when keys went down and up, in ms after the first press.
//
// Never which key, never the value. A key's code is held only while the key is down, to find its release.
// What is pasted or autofilled, and on-screen keyboards, have no rhythm: they say so, and weigh nothing.
// A key still down at submit is closed at that moment.

const MAX_EVENTS = 256;
const MAX_MS = 120000; // somebody who went away in between has no rhythm either
const NOT_TYPING = new Set([
  "Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "ScrollLock", "Fn", "FnLock", "Hyper", "Super",
  "Enter", "Tab", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Insert",
]);
const NOT_KEYED = new Set(["insertFromPaste", "insertFromDrop", "insertFromYank", "insertReplacementText"]);

const handheld = window.matchMedia("(pointer: coarse) and (hover: none)");
const tenths = (ms) => Math.round(ms * 10) / 10;

class Recorder {
  constructor(field) {
    this.field = field;
    this.reset();
    field.addEventListener("keydown", (event) => this.press(event));
    field.addEventListener("keyup", (event) => this.release(event.code));
    field.addEventListener("blur", () => this.releaseAll());
    field.addEventListener("input", (event) => this.changed(event));
  }

  reset() {
    this.start = null;
    this.events = [];
    this.down = new Map(); // code -> place in events, emptied as keys come up
    this.pasted = false;
    this.unkeyed = false;
  }

  press(event) {
    if (event.repeat || event.metaKey || NOT_TYPING.has(event.key)) return;
    if (event.ctrlKey && !event.getModifierState("AltGraph")) return; // a shortcut; AltGr makes letters
    if (!event.code || event.key === "Unidentified" || event.isComposing) return; // an on-screen keyboard or an IME
    if (this.events.length >= MAX_EVENTS || this.down.has(event.code)) return;
    const now = performance.now();
    this.start ??= now;
    this.down.set(event.code, this.events.length);
    this.events.push([tenths(now - this.start), null]);
  }

  release(code) {
    const place = this.down.get(code);
    if (place === undefined) return;
    this.down.delete(code);
    this.events[place][1] = tenths(performance.now() - this.start);
  }

  releaseAll() {
    for (const code of [...this.down.keys()]) this.release(code);
  }

  changed(event) {
    if (this.field.value === "") {
      this.reset(); // begun anew
    } else if (!event.inputType || NOT_KEYED.has(event.inputType)) {
      this.pasted = true; // a password manager's change has no input type
    } else if (this.start === null) {
      this.unkeyed = true; // letters without keys: an on-screen keyboard where there is a touch screen
    }
  }

  sample() {
    this.releaseAll();
    // Handhelds send key events too, all of them at once: they would look like a program.
    const touch = handheld.matches || (this.unkeyed && navigator.maxTouchPoints > 0);
    const filled = !touch && this.start === null && this.field.value !== ""; // also before this script ran
    const pasted = this.pasted || filled;
    return {
      field: this.field.name,
      input: touch ? "touch" : "keyboard",
      events: touch || pasted || this.events.some(([, released]) => released > MAX_MS) ? [] : this.events,
      pasted,
    };
  }
}

const form = document.querySelector("form[data-typing]");
const fields = form.querySelectorAll("input[name=email]:not([readonly]), input[name=password]");
const recorders = [...fields].map((field) => new Recorder(field));
form.addEventListener("submit", () => {
  form.querySelector("input[name=typing]").value = JSON.stringify(recorders.map((recorder) => recorder.sample()));
});
