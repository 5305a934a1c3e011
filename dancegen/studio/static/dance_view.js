/* <dance-view>: a dance in space, in step with its music.
 *
 * Attributes
 *   src       URL of a dance as `views.dance_view` packs it.
 *   clock     name of the clock (dance_clock.js) that it follows; views of one name dance together. Default: its own.
 *   audio     URL of the sound of the dance's span; the view gives it to its clock. Of views that share a clock one is
 *             enough.
 *   label     a name shown in its corner, and what a screen reader calls it.
 *   accent    colour of its beat light, for telling views apart.
 *   controls  (present or not) buttons: play, follow, the view from the front, and the time.
 *   figure    "mannequin" (default, where the dance has bones) or "limbs".
 *   empty     what stands there while there is no dance.
 *   follow    "off": the camera stays where it is; else it goes with the dancer.
 *   handles   (present or not) balls on the joints that can be dragged: event `joint`.
 *
 * Properties
 *   dance     what was loaded (figures.js), or null.    time  seconds of the song.    shown  how many pictures were drawn.
 *   note      a line shown over it, such as how far its making is.
 *   pose      54 numbers, metres: joints that are shown in place of the dance's, or null.
 *   screenJoints()  [{x, y}] of the 18 joints now, in pixels of the window; null where one is missing.
 *
 * Events (they bubble): `dance` when a dance is there, detail {dance}; `failed`, detail {message}; `joint` while a handle
 * is dragged, detail {joint, name, position, phase: "begin" | "move" | "end"}: the joint is shown where it was dragged to,
 * and what becomes of the rest of the body is the page's. A handle that was not moved has no end.
 *
 * Mouse and touch: drag orbits, the wheel zooms once the view has the focus, right drag or two fingers move.
 * Keyboard: Space plays, left and right arrows go a beat, with Shift they orbit (up and down, too), + - zoom, Home and
 * End, R the view from the front, F follows or not, comma and full stop one frame. With `handles`, J and Shift J take the
 * next or the last joint, Alt with the arrows moves it as seen, Enter lets it go there, Escape where it was.
 */
import * as THREE from "./vendor/three.module.min.js";
import { OrbitControls } from "./vendor/OrbitControls.js";
import { Clock, isDark, lastBefore, onTheme, told } from "./dance_clock.js";
import { Dance, Handles, JOINTS, LIMB_COLOURS, LIMBS, Limbs, Mannequin } from "./figures.js";
import { Room, drawRoom, fit, paced, quality } from "./room.js";

const JOINT_STEP = 0.03; // metres that a key moves a joint
const EYE_HEIGHT = 1.25, LOOK_HEIGHT = 0.88, AROUND = 2.15;
const views = new Set();
let looping = 0;

function loop() {
  looping = 0;
  const due = [...views].filter((view) => view._alive() && view._sizedTo());
  fit(due.map((view) => [view._canvas.width, view._canvas.height]));
  const times = new Map(due.map((view) => [view._clock, view._clock.time])); // one moment for all that dance together
  for (const view of due) view._tick(times.get(view._clock));
  if ([...views].some((view) => view._clock?.playing)) paced(performance.now());
  if ([...views].some((view) => view._alive())) again();
}

function again() {
  looping ||= requestAnimationFrame(loop);
}

const ICONS = {
  play: `<path d="M6 4l14 8-14 8z"/>`, pause: `<path d="M6 4h4v16H6zM14 4h4v16h-4z"/>`,
  follow: `<path d="M12 2v4M12 18v4M2 12h4M18 12h4" stroke="currentColor" stroke-width="2"/><circle cx="12" cy="12" r="5" fill="none" stroke="currentColor" stroke-width="2"/><circle cx="12" cy="12" r="1.6"/>`,
  front: `<path d="M4 11l8-7 8 7v9h-5v-6H9v6H4z"/>`,
};
const STYLE = `
  :host { display: block; position: relative; min-height: 180px; border-radius: 12px; overflow: hidden; contain: content;
    background: radial-gradient(120% 90% at 50% 12%, #1b2350 0%, #0d1024 52%, #06070f 100%); color: #e8ecff;
    font: 13px system-ui, sans-serif; }
  :host([data-light]) { background: radial-gradient(120% 90% at 50% 10%, #ffffff 0%, #eef1fa 55%, #d9dfee 100%); color: #1c2440; }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; outline: none; cursor: grab; }
  canvas:active { cursor: grabbing; }
  :host(:focus-within)::after { content: ""; position: absolute; inset: 0; border-radius: 12px; pointer-events: none;
    box-shadow: inset 0 0 0 2px #7ef0ff; }
  :host([data-light]:focus-within)::after { box-shadow: inset 0 0 0 2px #0b5fff; }
  .label { position: absolute; top: 10px; left: 12px; right: 12px; font-weight: 600; pointer-events: none;
    white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px; background: var(--accent); }
  .said { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; padding: 16px; pointer-events: none; }
  .note { position: absolute; left: 50%; top: 50%; transform: translate(-50%, -50%); max-width: 84%; padding: 10px 16px; border-radius: 10px;
    background: #0a0d1cd9; text-align: center; pointer-events: none; font-size: 14px; }
  :host([data-light]) .note { background: #ffffffe6; }
  .note[hidden], .said:empty, .note:not([hidden]) ~ .said { display: none; }
  .bar { position: absolute; left: 8px; right: 8px; bottom: 8px; display: none; align-items: center; gap: 6px; }
  :host([controls]) .bar { display: flex; }
  button { all: unset; box-sizing: border-box; width: 36px; height: 36px; display: grid; place-content: center; border-radius: 9px;
    background: #0a0d1ccc; color: #e8ecff; cursor: pointer; }
  :host([data-light]) button { background: #ffffffd9; color: #1c2440; }
  button:hover, button[aria-pressed="true"] { color: #7ef0ff; }
  :host([data-light]) button:hover, :host([data-light]) button[aria-pressed="true"] { color: #0a55c9; }
  button:focus-visible { box-shadow: 0 0 0 2px #7ef0ff; }
  :host([data-light]) button:focus-visible { box-shadow: 0 0 0 2px #0b5fff; }
  svg { width: 18px; height: 18px; fill: currentColor; }
  output { margin-left: auto; font-variant-numeric: tabular-nums; background: #0a0d1ccc; padding: 8px 10px; border-radius: 9px; }
  :host([data-light]) output { background: #ffffffd9; }`;

class DanceView extends HTMLElement {
  static observedAttributes = ["src", "clock", "audio", "label", "accent", "figure", "follow", "handles"];

  constructor() {
    super();
    this.dance = null;
    this.shown = 0;
    this._pose = null;
    this._joints = new Float32Array(54);
    this._middle = new THREE.Vector3();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    const button = (name, text) =>
      `<button type="button" data-do="${name}" aria-label="${text}" title="${text}"><svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg></button>`;
    root.innerHTML = `<style>${STYLE}</style><canvas tabindex="0" role="application"></canvas><div class="label"></div>
      <div class="note" role="status" hidden></div><div class="said" role="status"></div><div class="bar">${button("play", "Play")}${button("follow", "Follow the dancer")}${button("front", "View from the front")}<output aria-label="Time"></output></div>`;
    [this._canvas, this._label, this._said, this._note, this._out] = ["canvas", ".label", ".said", ".note", "output"].map((each) => root.querySelector(each));
    this._button = root.querySelector("[data-do=play]");
    this._followButton = root.querySelector("[data-do=follow]");
    root.querySelector(".bar").addEventListener("click", (event) => this._do(event.target.closest("button")?.dataset.do));
    this.addEventListener("keydown", (event) => this._key(event));
    this._canvas.addEventListener("pointerdown", (event) => this._grasp(event), { capture: true });
    this._canvas.addEventListener("pointermove", (event) => this._pull(event));
    for (const name of ["pointerup", "pointercancel"]) this._canvas.addEventListener(name, () => this._release());
  }

  connectedCallback() {
    this._room = new Room();
    this._controls = new OrbitControls(this._room.camera, this._canvas);
    this._canvas.style.touchAction = "pan-y";
    Object.assign(this._controls, { enableDamping: false, minDistance: 1.2, maxDistance: 14, maxPolarAngle: 1.62, enableZoom: false });
    this._controls.addEventListener("change", () => this._later());
    this._canvas.addEventListener("focus", () => (this._controls.enableZoom = true));
    this._canvas.addEventListener("blur", () => (this._controls.enableZoom = false));
    this._still = matchMedia("(prefers-reduced-motion: reduce)");
    this._sizes = new ResizeObserver(() => this._sized());
    this._sizes.observe(this);
    this._seen = new IntersectionObserver(([entry]) => {
      this._visible = entry.isIntersecting;
      this._later();
    });
    this._seen.observe(this);
    this._endTheme = onTheme(() => this._lit());
    views.add(this);
    this._tied();
    this._lit();
    this._named();
    this._clothed();
    this._front();
    if (!this.dance) this._load(this.getAttribute("src"));
  }

  disconnectedCallback() {
    views.delete(this);
    for (const each of [this._sizes, this._seen]) each.disconnect();
    this._endTheme();
    this._untie?.();
    this._controls.dispose();
    this._bare();
    this._room.dispose();
    this._room = null;
  }

  attributeChangedCallback(name, before, now) {
    if (before === now || !this._room) return;
    if (name === "src") this._load(now);
    else if (name === "clock" || name === "audio") this._tied();
    else if (name === "accent") this._lit();
    else if (name === "figure" || name === "handles") this._clothed();
    if (name === "label" || name === "accent" || name === "follow") this._named();
    this._later();
  }

  get clock() {
    return this._clock;
  }

  get time() {
    return this._clock.time;
  }

  set time(time) {
    this._clock.seek(time);
  }

  get note() {
    return this._note.textContent;
  }

  set note(text) {
    this._note.textContent = text || "";
    this._note.hidden = !text;
  }

  get pose() {
    return this._pose;
  }

  set pose(joints) {
    this._pose = joints ? Float32Array.from(joints) : null;
    this._clothed();
    this._later();
  }

  screenJoints() {
    const box = this._canvas.getBoundingClientRect();
    this._placed(this.time);
    const at = new THREE.Vector3();
    return JOINTS.map((_, joint) => {
      at.fromArray(this._joints, 3 * joint).project(this._room.camera);
      return Number.isFinite(at.x) ? { x: box.left + ((at.x + 1) / 2) * box.width, y: box.top + ((1 - at.y) / 2) * box.height } : null;
    });
  }

  // What it shows.

  _load(url) {
    this.dance = null;
    this._pose = null;
    this._clothed();
    this._tell(url ? "Loading the dance …" : this.getAttribute("empty") || "");
    this._later();
    if (!url) return;
    fetch(url, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(`${answer.status}`))))
      .then((bytes) => this.getAttribute("src") === url && this._arrived(new Dance(bytes)))
      .catch((error) => {
        if (this.getAttribute("src") !== url) return;
        this._tell(`This dance cannot be shown (${error.message})`);
        this._event("failed", { message: error.message });
      });
  }

  _arrived(dance) {
    this.dance = dance;
    this._tell("");
    this._tied();
    if (!this._room) return;
    this._clothed();
    this._front();
    this._event("dance", { dance });
    this._later();
  }

  _tied() {
    const clock = Clock.named(this.getAttribute("clock") || (this._ownName ||= `view ${Math.random()}`));
    if (clock !== this._clock) {
      this._untie?.();
      this._clock = clock;
      const changed = () => this._later();
      for (const name of ["load", "state", "seek"]) clock.addEventListener(name, changed);
      this._untie = () => {
        for (const name of ["load", "state", "seek"]) clock.removeEventListener(name, changed);
        this._clock = null;
      };
    }
    if (this.dance && this.getAttribute("audio")) clock.load(this.getAttribute("audio"), this.dance.start_s, this.dance.seconds);
  }

  _clothed() {
    if (!this._room) return;
    this._bare();
    if (!this.dance) return;
    const asMannequin = this.dance.vertices && !this._pose && this.getAttribute("figure") !== "limbs";
    this._figure = asMannequin ? new Mannequin(this.dance, this._room.paint) : new Limbs();
    this._room.scene.add(this._figure);
    if (this.hasAttribute("handles")) this._room.scene.add((this._handles = new Handles()));
  }

  _bare() {
    for (const part of [this._figure, this._handles]) {
      part?.removeFromParent();
      part?.dispose();
    }
    this._figure = this._handles = null;
  }

  _lit() {
    const dark = isDark();
    this.toggleAttribute("data-light", !dark);
    this._room.lit(dark, this.getAttribute("accent"));
    this._later();
  }

  _named() {
    const label = this.getAttribute("label") || "";
    this._label.textContent = label;
    this.style.setProperty("--accent", this.getAttribute("accent") || "transparent");
    if (label && this.getAttribute("accent")) this._label.insertAdjacentHTML("afterbegin", `<span class="dot"></span>`);
    this._canvas.setAttribute("aria-label", `${label || "The dance"} in space. Space plays, arrows go a beat, Shift and arrows orbit`);
    this._followButton.setAttribute("aria-pressed", `${this._follows}`);
  }

  get _follows() {
    return this.getAttribute("follow") !== "off";
  }

  _tell(text) {
    this._said.textContent = text;
  }

  _event(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  // Camera.

  _front() {
    if (!this._room) return;
    const { camera } = this._room;
    const aspect = this._canvas.clientWidth / Math.max(1, this._canvas.clientHeight) || 1;
    const half = Math.tan((camera.fov * Math.PI) / 360);
    const away = AROUND / 2 / half / Math.min(1, aspect * 1.15);
    const [x, z] = this._centre();
    this._middle.set(x, 0, z);
    this._controls.target.set(x, LOOK_HEIGHT, z);
    camera.position.set(x, EYE_HEIGHT, z + away);
    this._controls.update();
    this._later();
  }

  _centre() {
    const [x, z] = this.dance ? this.dance.middleAt(this.time) : [0, 0];
    return Number.isFinite(x) ? [x, z] : [0, 0];
  }

  _followed() {
    if (!this._follows) return;
    const [x, z] = this._centre();
    const [across, along] = [x - this._middle.x, z - this._middle.z];
    this._middle.set(x, 0, z);
    this._controls.target.x += across;
    this._controls.target.z += along;
    this._room.camera.position.x += across;
    this._room.camera.position.z += along;
    this._controls.update();
  }

  _orbit(across, up) {
    const { camera } = this._room;
    const way = new THREE.Spherical().setFromVector3(camera.position.clone().sub(this._controls.target));
    way.theta += across;
    way.phi = Math.min(Math.max(way.phi + up, 0.1), 1.6);
    camera.position.setFromSpherical(way).add(this._controls.target);
    this._controls.update();
    this._later();
  }

  _zoom(by) {
    const { camera } = this._room;
    const way = camera.position.clone().sub(this._controls.target);
    camera.position.copy(this._controls.target).add(way.setLength(Math.min(Math.max(way.length() * by, 1.2), 14)));
    this._controls.update();
    this._later();
  }

  // What a person does.

  _do(name) {
    if (name === "play") this._clock.toggle();
    else if (name === "follow") this.setAttribute("follow", this._follows ? "off" : "on");
    else if (name === "front") this._front();
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || !this._room || (event.key === " " && event.composedPath()[0] !== this._canvas)) return;
    if (this._handles && this._handled(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const turn = event.shiftKey;
    const frame = 1 / (this.dance?.fps || 30);
    const actions = {
      " ": () => this._do("play"), f: () => this._do("follow"), r: () => this._front(),
      ArrowLeft: () => (turn ? this._orbit(-0.15, 0) : this._beat(-1)), ArrowRight: () => (turn ? this._orbit(0.15, 0) : this._beat(1)),
      ArrowUp: () => turn && this._orbit(0, -0.1), ArrowDown: () => turn && this._orbit(0, 0.1),
      Home: () => this.dance && this._clock.seek(this.dance.start_s), End: () => this.dance && this._clock.seek(this.dance.end_s),
      ",": () => this._clock.seek(this.time - frame), ".": () => this._clock.seek(this.time + frame),
      "+": () => this._zoom(0.87), "=": () => this._zoom(0.87), "-": () => this._zoom(1.15),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.key.startsWith("Arrow") && !turn && event.key.match(/Up|Down/))) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /* Joints by keyboard. True where the key was for them. */
  _handled(event) {
    const key = event.key.toLowerCase();
    if (key === "j" && !event.altKey) return this._take(event.shiftKey ? -1 : 1);
    if (this._held === undefined) return false;
    if (key === "enter" || key === "escape") return this._let(key === "enter");
    const ways = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, 1], arrowdown: [0, -1] };
    if (!event.altKey || !ways[key]) return false;
    const [right, up] = [0, 1].map((axis) => new THREE.Vector3().setFromMatrixColumn(this._room.camera.matrixWorld, axis));
    const at = new THREE.Vector3().fromArray(this._placed(this.time), 3 * this._held);
    this._put(this._held, at.addScaledVector(right, JOINT_STEP * ways[key][0]).addScaledVector(up, JOINT_STEP * ways[key][1]));
    return true;
  }

  _take(way) {
    const balls = this._handles.balls.length;
    this._let(false);
    this._held = ((this._held ?? (way > 0 ? -1 : 0)) + way + balls) % balls;
    this._said.textContent = `${JOINTS[this._held].replace("r_", "right ").replace("l_", "left ")}: Alt with the arrows moves it, Enter lets it go`;
    this._later();
    return true;
  }

  _let(there) {
    if (!this._pulledTo) return true;
    if (there) this._pulled("end", this._pulledTo, this._held);
    else this.pose = this._before;
    this._pulledTo = undefined;
    this._said.textContent = "";
    this._later();
    return true;
  }

  _beat(way) {
    const beats = this.dance?.beats_s || [];
    const time = this.time;
    const next = way > 0 ? beats.find((beat) => beat > time + 0.03) : beats.filter((beat) => beat < time - 0.03).pop();
    this._clock.seek(next ?? time + way * (beats.length ? 60 : 1));
  }

  _ray(event) {
    const box = this._canvas.getBoundingClientRect();
    const caster = new THREE.Raycaster();
    const at = new THREE.Vector2(((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2);
    caster.setFromCamera(at, this._room.camera);
    return caster;
  }

  _grasp(event) {
    if (!this._handles || event.button) return;
    const [found] = this._ray(event).intersectObjects(this._handles.balls.filter((ball) => ball.visible));
    if (!found) return;
    event.stopImmediatePropagation();
    this._canvas.focus();
    this._canvas.setPointerCapture(event.pointerId);
    this._controls.enabled = false;
    this._taken = found.object.userData.joint;
    const facing = this._room.camera.getWorldDirection(new THREE.Vector3());
    this._plane = new THREE.Plane().setFromNormalAndCoplanarPoint(facing, found.object.position);
    this._pulled("begin", found.object.position);
  }

  _pull(event) {
    if (this._taken === undefined) return;
    const at = this._ray(event).ray.intersectPlane(this._plane, new THREE.Vector3());
    if (at) this._put(this._taken, at);
  }

  _put(joint, at) {
    const pose = Float32Array.from(this._placed(this.time));
    if (!this._pulledTo) this._before = this._pose && Float32Array.from(this._pose);
    pose.set(at.toArray(), 3 * joint);
    this.pose = pose;
    this._pulledTo = at;
    this._pulled("move", at, joint);
  }

  _release() {
    if (this._taken === undefined) return;
    if (this._pulledTo) this._pulled("end", this._pulledTo);
    this._taken = this._pulledTo = undefined;
    this._controls.enabled = true;
    this._later();
  }

  _pulled(phase, at, joint = this._taken) {
    this._event("joint", { joint, name: JOINTS[joint], position: at.toArray(), phase });
    this._later();
  }

  // Drawing.

  _sized() {
    if (!this._room) return;
    this._dirtySize = true;
    const wide = this._canvas.clientWidth / Math.max(1, this._canvas.clientHeight);
    if (wide && (!this._wide || Math.abs(wide - this._wide) > 0.2)) {
      this._wide = wide;
      this._front();
    }
    this._later();
  }

  _later() {
    this._dirty = true;
    again();
  }

  _alive() {
    return this._dirty || (this._clock?.playing && this._visible !== false && Boolean(this.dance));
  }

  _placed(time) {
    if (this._pose) this._joints.set(this._pose);
    else if (this.dance) this.dance.jointsAt(time, this._joints);
    else this._joints.fill(NaN);
    return this._joints;
  }

  /* Gives the canvas its pixels; false while it is not on the page. */
  _sizedTo() {
    const canvas = this._canvas;
    if (!canvas.clientWidth || !this._room) return (this._dirty = false);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(1, Math.round(size * quality.ratio)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    return true;
  }

  _tick(time) {
    this._dirty = false;
    this._told(time);
    const canvas = this._canvas;
    this._room.camera.aspect = canvas.width / canvas.height;
    this._room.camera.updateProjectionMatrix();
    this._followed();
    this._placed(time);
    if (this._figure) this._figure.show(this._figure instanceof Mannequin ? time : this._joints);
    this._handles?.show(this._joints, this._taken ?? this._held);
    this._room.beat(...this._pulse(time), this._centre());
    if (!drawRoom(this._room, canvas)) this._sketch(canvas);
    this.shown++;
  }

  _pulse(time) {
    const { beats_s: beats = [], downbeats_s: bars = [] } = this.dance || {};
    const last = lastBefore(beats, time);
    if (last < 0) return [0, false];
    const bar = bars[lastBefore(bars, time + 1e-3)] >= beats[last] - 0.02;
    if (this._still.matches) return [0.25, true];
    const next = beats[last + 1] ?? beats[last] + 0.6;
    const since = (time - beats[last]) / Math.max(0.15, next - beats[last]);
    return [Math.exp(-3.2 * since) * (bar ? 1 : 0.55), bar];
  }

  _told(time) {
    const playing = this._clock.playing;
    this._out.textContent = this.dance ? `${told(time)} / ${told(this.dance.end_s)}` : "";
    if (playing === this._wasPlaying) return;
    this._wasPlaying = playing;
    this._button.setAttribute("aria-label", playing ? "Pause" : "Play");
    this._button.title = playing ? "Pause" : "Play";
    this._button.firstElementChild.innerHTML = ICONS[playing ? "pause" : "play"];
  }

  /* Without WebGL: the limbs as lines. */
  _sketch(canvas) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    this._room.camera.updateMatrixWorld();
    const at = new THREE.Vector3();
    const points = JOINTS.map((_, joint) => {
      at.fromArray(this._joints, 3 * joint).project(this._room.camera);
      return [((at.x + 1) / 2) * canvas.width, ((1 - at.y) / 2) * canvas.height];
    });
    pen.lineWidth = canvas.height / 70;
    pen.lineCap = "round";
    LIMBS.forEach(([first, last], limb) => {
      if (![...points[first], ...points[last]].every(Number.isFinite)) return;
      pen.strokeStyle = LIMB_COLOURS[limb];
      pen.beginPath();
      pen.moveTo(...points[first]);
      pen.lineTo(...points[last]);
      pen.stroke();
    });
  }
}

if (!customElements.get("dance-view")) customElements.define("dance-view", DanceView);
