// A capture by this browser's camera, on the ticket of its page: open the camera, ask for one thing after another, take
// frames, sign and send them, tell what came of it.
//
// A frame is taken once the picture has changed since the person was asked, and holds still; or when they press the button,
// for who turns slowly, or sees no outline. Whether they did what was asked is for the service to say: where they
// did not, its reason stands beside the button that tries again, with new prompts. Nothing here is pressed for time but by
// the ticket. The camera is off whenever nothing is captured, and when the page is not seen.

import { Camera, NoCamera, available } from "./face_camera.js";
import { find, signedCapture } from "./face_key.js";
import { Refused, send } from "./http.js";

const LOOK_MS = 100;
const READ_MS = 1200; // to read what is asked for, before a picture that happens to hold still is taken
const SLOW_MS = 6000; // then the button is pointed out
const FRAME_MS = 160; // between two frames
const STRAIGHT_FRAMES = 3;
const BUSY_TRIES = 6;

const ASKED = {
  straight: ["Look straight at the camera", "Put your face into the outline and hold still."],
  left: ["Turn your head a little to your left", "About as far as the edge of your screen, then hold still."],
  right: ["Turn your head a little to your right", "About as far as the edge of your screen, then hold still."],
  closer: ["Come a little closer", "Until your face fills the larger outline, then hold still."],
};
const LIGHT = { dark: "It is too dark. Turn towards a lamp or a window.", bright: "It is too bright. Turn away from the light." };
const SLOW = "Ready? You can press “Take the picture”, too.";

const NO_SUPPORT = "This browser can't use a camera here.";
const KEY_LOST =
  "This browser no longer has the key with which you added it: its data were cleared. Use your phone, or add this browser again on your account’s page.";
const HIDDEN = "We switched the camera off because you left this page. Nothing was sent.";
const LOST = "The camera was taken away or switched off. Nothing was sent.";
const BUSY = "Many captures are being looked at just now. Yours is sent again by itself.";

class Stopped extends Error {}

export class Capture {
  #part;
  #ended;
  #camera;
  #privateKey = null;
  #run = null;

  /** Args: part holds the ticket and the elements; ended(outcome, reason, counts) is called when there is a verdict. */
  constructor(part, ended) {
    this.#part = part;
    this.#ended = ended;
    this.#camera = new Camera(this.#find("video"));
    this.#find("start").addEventListener("click", () => this.#capture());
    this.#find("stop").addEventListener("click", () => this.stop());
    this.#find("take").addEventListener("click", () => { if (this.#run) this.#run.taken = true; });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && part.dataset.stage !== "sending") this.stop(HIDDEN);
    });
    window.addEventListener("pagehide", () => this.stop());
  }

  /** Return why this browser can't capture, or null. */
  async obstacle() {
    if (!available()) return NO_SUPPORT;
    const { device } = this.#part.dataset;
    if (!device) return null;
    this.#privateKey = await find(device);
    return this.#privateKey ? null : KEY_LOST;
  }

  /** Switch the camera off, and say why. */
  stop(why = "") {
    if (!this.#run) return;
    this.#run.stopped = true;
    this.#run = null;
    this.#camera.close();
    this.#rest(why);
  }

  async #capture() {
    if (this.#run) return;
    const run = (this.#run = { stopped: false, taken: false });
    try {
      this.#stage("opening");
      await this.#camera.open(() => this.stop(LOST));
      if (run.stopped) return;
      const order = await send("/v1/face/captures", this.#json({ device: this.#part.dataset.device || null }));
      const began = performance.now();
      this.#stage("live");
      const frames = [];
      for (const [number, prompt] of order.prompts.entries()) {
        this.#ask(prompt, number + 1, order.prompts.length);
        await this.#ready(run, prompt);
        const spare = order.max_frames - order.prompts.length + 1;
        const count = prompt === "straight" ? Math.min(STRAIGHT_FRAMES, spare) : 1;
        for (let taken = 0; taken < count; taken++) {
          if (frames.length) await this.#pause(run, FRAME_MS);
          const offset_ms = Math.round(performance.now() - began);
          frames.push({ prompt, offset_ms, blob: await this.#camera.frame() });
        }
      }
      this.#camera.close();
      this.#stage("sending");
      const result = await this.#send(run, order, frames);
      this.#run = null;
      this.#ended(result.outcome, result.reason, result.satisfies_step_up);
    } catch (problem) {
      if (problem instanceof Stopped || run.stopped) return;
      this.#camera.close();
      this.#run = null;
      if (isFinal(problem)) this.#ended("refused", problem.message, false);
      else this.#rest(problem instanceof NoCamera || problem instanceof Refused ? problem.message : NO_SUPPORT, problem);
    }
  }

  // -- what the person sees

  #ask(prompt, step, of) {
    const [words, hint] = ASKED[prompt];
    this.#find("view").dataset.prompt = prompt;
    this.#find("step").textContent = `Step ${step} of ${of}`;
    this.#find("prompt").textContent = words;
    this.#hint(hint);
  }

  #hint(text) {
    const shown = this.#find("hint");
    if (shown.textContent !== text) shown.textContent = text; // the same words would be read out again
  }

  #stage(name) {
    this.#part.dataset.stage = name;
    this.#find("problem").hidden = true;
    const words = { opening: "Opening the camera…", sending: "Looking at the pictures…" }[name];
    if (words) {
      this.#find("prompt").textContent = words;
      this.#find("step").textContent = "";
      this.#hint(name === "opening" ? "Your browser may ask whether this page may use it." : "The camera is off.");
    }
    if (name === "live") this.#find("take").focus({ preventScroll: true });
  }

  #rest(why, problem) {
    this.#part.dataset.stage = "rest";
    this.#part.dataset.problem = problem?.code ?? "";
    this.#find("start-label").textContent = why ? "Try again" : this.#part.dataset.start;
    const box = this.#find("problem");
    box.querySelector("p").textContent = why + whichPrompt(problem);
    box.hidden = !why;
    this.#find("start").focus({ preventScroll: true });
  }

  // -- how

  async #ready(run, prompt) {
    const began = performance.now();
    run.taken = false;
    this.#camera.watch({ change: prompt !== "straight" });
    const hint = ASKED[prompt][1];
    for (;;) {
      await this.#pause(run, LOOK_MS);
      if (run.taken) return;
      const waited = performance.now() - began;
      const { light, moved, still } = this.#camera.look();
      if (light) this.#hint(LIGHT[light]);
      else if (moved && still && waited > READ_MS) return;
      else this.#hint(waited > SLOW_MS ? SLOW : hint);
    }
  }

  async #pause(run, ms) {
    await new Promise((resolve) => { setTimeout(resolve, ms); });
    if (run.stopped) throw new Stopped();
  }

  async #send(run, order, frames) {
    const { device, server } = this.#part.dataset;
    const said = frames.map(({ prompt, offset_ms }) => ({ prompt, offset_ms }));
    const claim = { nonce: order.nonce, frames: said };
    if (this.#privateKey) {
      claim.device = device;
      claim.signature = await signedCapture(this.#privateKey, { nonce: order.nonce, server, device, frames });
    }
    const body = new FormData();
    body.append("capture", JSON.stringify(claim));
    for (const [number, { blob }] of frames.entries()) body.append("frames", blob, `${number}.jpg`);
    for (let left = BUSY_TRIES; ; left--) {
      try {
        return await send("/v1/face/captures/frames", this.#ticket({ body }));
      } catch (problem) {
        if (!problem.retryAfterMs || problem.problem.status !== 503 || left === 0) throw problem;
        this.#hint(BUSY);
        await this.#pause(run, problem.retryAfterMs);
      }
    }
  }

  #json(content) {
    return this.#ticket({ body: JSON.stringify(content), type: "application/json" });
  }

  #ticket(sent) {
    return { ...sent, ticket: this.#part.dataset.ticket };
  }

  #find(name) {
    return this.#part.querySelector(`[data-capture-${name}]`);
  }
}

// A capture that could not be used leaves its ticket open; so does a server or a network that did not answer.
function isFinal(problem) {
  return problem instanceof Refused && [401, 403, 404, 409, 410].includes(problem.problem.status);
}

// Which of the steps it was, where the service says so.
function whichPrompt(problem) {
  const words = ASKED[problem?.problem?.prompt]?.[0];
  return words ? ` It was at “${words}”.` : "";
}
