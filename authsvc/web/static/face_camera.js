// The camera of this device: opened when its owner asks, closed as soon as nothing more is wanted of it.
//
// Frames are taken as the camera sees them, in the middle of the picture, 640 x 480; only the preview is mirrored. What is
// told of the picture here is what can be told without finding the face: whether the middle of it lies in the dark or is
// burnt out, whether it changed, whether it holds still. All else is for the service to say.

const WIDTH = 640;
const HEIGHT = 480;
const QUALITY = 0.9;

// The picture is looked at small, where a sensor's noise is averaged away. Differences are in levels of 256, between
// pictures whose mean was taken off: a camera that adapts to the light changes that.
const SMALL = { width: 64, height: 48 };
const MIDDLE = { left: 16, right: 48, top: 6, bottom: 42 };
const MOVED = 3;
const STILL = 2;
const STILL_LOOKS = 4; // in a row: less than half a second
// As the service judges a face (factors/face/pipeline/quality.py).
const DARK = { below: 30, share: 0.5 };
const BRIGHT = { above: 245, share: 0.6 };

const REASONS = {
  NotAllowedError: "This page may not use your camera. Allow it beside the address bar or in your system's settings, then try again.",
  NotFoundError: "We found no camera on this device.",
  NotReadableError: "Your camera is in use by another program, or switched off. Close the other program, then try again.",
  OverconstrainedError: "Your camera can't take pictures that are large enough.",
};

/** There is no picture; the message says what can be done about it, the code is the browser's name for it. */
export class NoCamera extends Error {
  constructor(problem) {
    super(REASONS[problem.name] ?? "Your camera could not be opened.");
    this.code = problem.name;
  }
}

/** Return whether this browser lets pages ask for a camera: only over https, and on this machine. */
export const available = () => Boolean(navigator.mediaDevices?.getUserMedia);

export class Camera {
  #video;
  #stream = null;
  #opening = null;
  #whole = canvas(WIDTH, HEIGHT);
  #small = canvas(SMALL.width, SMALL.height);
  #before = null;
  #reference = null;
  #still = 0;
  #moved = false;

  constructor(video) {
    this.#video = video;
  }

  /** Open the camera and show its picture; throws NoCamera. Calls `lost` when somebody takes the camera away. */
  async open(lost) {
    const opening = (this.#opening = {});
    const wanted = { facingMode: "user", width: { ideal: WIDTH }, height: { ideal: HEIGHT } };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      if (this.#opening !== opening) return stop(stream); // closed while the browser asked its user
      this.#stream = stream;
      for (const track of stream.getTracks()) track.addEventListener("ended", lost);
      this.#video.srcObject = this.#stream;
      await this.#video.play();
    } catch (problem) {
      if (this.#opening === opening) this.close();
      throw new NoCamera(problem);
    }
  }

  close() {
    if (this.#stream) stop(this.#stream);
    this.#stream = this.#opening = null;
    this.#video.srcObject = null;
  }

  /** Return the picture of this moment, a JPEG. */
  frame() {
    this.#draw(this.#whole);
    return new Promise((resolve) => { this.#whole.canvas.toBlob(resolve, "image/jpeg", QUALITY); });
  }

  /** Wait for a change from what is seen now; without `change` only for a picture that holds still. */
  watch({ change }) {
    this.#reference = change ? this.#levels().flat : null;
    this.#moved = !change;
    this.#still = 0;
  }

  /** Look once, and return { light: "dark" | "bright" | null, moved, still }. */
  look() {
    const { flat, light } = this.#levels();
    this.#still = this.#before && apart(flat, this.#before) < STILL ? this.#still + 1 : 0;
    this.#moved ||= apart(flat, this.#reference) > MOVED;
    this.#before = flat;
    return { light, moved: this.#moved, still: this.#still >= STILL_LOOKS };
  }

  #levels() {
    this.#draw(this.#small);
    const { data } = this.#small.getImageData(0, 0, SMALL.width, SMALL.height);
    const levels = [];
    for (let y = MIDDLE.top; y < MIDDLE.bottom; y++) {
      for (let x = MIDDLE.left; x < MIDDLE.right; x++) {
        const at = 4 * (y * SMALL.width + x);
        levels.push(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
      }
    }
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    const share = (test) => levels.filter(test).length / levels.length;
    let light = null;
    if (share((level) => level < DARK.below) > DARK.share) light = "dark";
    if (share((level) => level > BRIGHT.above) > BRIGHT.share) light = "bright";
    return { flat: levels.map((level) => level - mean), light };
  }

  // The largest part of the camera's picture that has the canvas's shape, from its middle.
  #draw(context) {
    const { width, height } = context.canvas;
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(videoWidth / width, videoHeight / height);
    const [across, down] = [width * scale, height * scale];
    context.drawImage(this.#video, (videoWidth - across) / 2, (videoHeight - down) / 2, across, down, 0, 0, width, height);
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

const apart = (one, other) => one.reduce((sum, level, at) => sum + Math.abs(level - other[at]), 0) / one.length;

function canvas(width, height) {
  const made = document.createElement("canvas");
  Object.assign(made, { width, height });
  const context = made.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high"; // or a reduced picture keeps the noise of single pixels
  return context;
}
