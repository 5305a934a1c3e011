/* <dance-timeline>: a song to look at: waveform, beats, bars and sections, with spans on it that a person marks.
 *
 * Attributes
 *   song    URL of JSON {seconds, peaks, beats_s, downbeats_s, sections}: peaks are 0..255 evenly over the song; beats and
 *           downbeats are seconds; sections are [{start_s, end_s, label}]. Optional: phrases_s, tempo_bpm, metre, and
 *           start_s, the second of the song with which what is shown begins (0); all times are those of the song.
 *   clock   name of the clock (dance_clock.js) that it shows and moves; without one it keeps a time of its own.
 *   mark    kind of span that a drag over the waveform marks ("dance", "keep", ...); empty: a drag moves the playhead.
 *   single  (present or not) one span at most: a new one takes the place of the one before.
 *   snap    what marked ends snap to: "beat" (the default), "bar" or "none". Alt while dragging: nothing.
 *   lanes   labels of rows under the waveform, separated by "|": for the schedule of prompts, limbs to keep, segments.
 *   label   what a screen reader calls it.
 *
 * Phrases stand in a strip of their own under the sections, numbered.
 *
 * Properties
 *   song    as the attribute, or the object itself.
 *   spans   [{start_s, end_s, kind, lane, label}]: kind chooses the colour (dance, keep, redo, prompt, segment, done),
 *           lane is the index of a row, -1 or none for the waveform itself. Setting it draws them; no event follows.
 *   time    the playhead, seconds of the song.   selected: index of the selected span, -1 for none.
 *
 * Events (they bubble)
 *   seek    detail {time_s}
 *   span    detail {action: "add" | "change" | "remove", index, start_s, end_s, kind, lane, spans}: a person marked,
 *           moved or removed a span; `spans` is the list after that.
 *   select  detail {index}: -1 when nothing is selected any more.
 *   song    the song's JSON is there; detail {song}.
 *
 * Mouse and touch: click moves the playhead; with `mark`, a drag over the waveform or a lane marks, and a double click
 * marks the phrase; the ends of a span
 * and its middle can be dragged; the ruler always moves the playhead; Ctrl with the wheel zooms.
 * Keyboard: arrows a beat, with Shift a bar, Page up and down a section, Home, End, Space plays, [ and ] begin and end a
 * span at the playhead (Up and Down choose the lane), P marks the phrase there, Enter selects the span under the playhead, Delete removes it,
 * Escape drops what was begun, + - 0 zoom.
 */
import { Clock, isDark, lastBefore, onTheme, told } from "./dance_clock.js";

const RULER = 22, WAVE = 84, STRIP = 20, PHRASE = 16, LANE = 42, CAPTION = 15, GRIP = 7, NEAR = 4;
const PALETTES = {
  dark: {
    back: "#0c0f1a", ruler: "#12172a", line: "#2a3354", text: "#c3cbe6", dim: "#8d98bd", wave: "#3fd0e8", quiet: "#27738c",
    beat: "#ffffff1f", bar: "#ffffff5c", head: "#ffe14d", focus: "#7ef0ff",
    sections: ["#23506e", "#5b2a6e", "#2b5e46", "#6a3b27", "#39407c", "#6b2a4a"],
    kinds: { dance: "#ff4fc3", keep: "#4dffb0", redo: "#ff9d4d", prompt: "#8f8bff", segment: "#5c6ca8", done: "#35c98a" },
  },
  light: {
    back: "#ffffff", ruler: "#f2f4fa", line: "#cdd4e6", text: "#28304a", dim: "#5a6585", wave: "#0b7d99", quiet: "#9fc9d6",
    beat: "#0000001c", bar: "#00000055", head: "#c2185b", focus: "#0b5fff",
    sections: ["#cfe6f5", "#ecd7f4", "#d2efdf", "#f8e0d3", "#dadffa", "#f9d7e5"],
    kinds: { dance: "#d6129a", keep: "#0a8f5b", redo: "#c25a00", prompt: "#5148d6", segment: "#7482b5", done: "#16855a" },
  },
};
const EMPTY = { start_s: 0, seconds: 0, peaks: [], beats_s: [], downbeats_s: [], sections: [], phrases_s: [] };

class DanceTimeline extends HTMLElement {
  static observedAttributes = ["song", "clock", "mark", "snap", "lanes", "label", "spans"];

  constructor() {
    super();
    this._song = EMPTY;
    this._spans = [];
    this._time = 0;
    this._selected = -1;
    this._lane = -1;
    this._from = 0; // what is in view, seconds
    this._shown = 0; // how many; 0: all
    this._begun = null;
    this._drag = null;
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>
      :host { display: block; position: relative; outline: none; border-radius: 10px; min-width: 0; }
      canvas { display: block; width: 100%; border-radius: 10px; touch-action: pan-y; cursor: crosshair; }
      :host(:focus-visible) canvas { box-shadow: 0 0 0 2px var(--focus, #7ef0ff); }
      .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    </style><canvas part="canvas" aria-hidden="true"></canvas><span class="said" aria-live="polite"></span>`;
    this._canvas = root.querySelector("canvas");
    this._said = root.querySelector(".said");
    this._draw = this._draw.bind(this);
    this._canvas.addEventListener("pointerdown", (event) => this._down(event));
    this._canvas.addEventListener("pointermove", (event) => this._moved(event));
    for (const name of ["pointerup", "pointercancel"]) this._canvas.addEventListener(name, (event) => this._up(event));
    this._canvas.addEventListener("dblclick", (event) => {
      const [x, y] = this._at(event);
      if ((this._hit(x, y)?.part ?? "over") === "over") this._phrased(this._t(x), this._laneAt(y));
    });
    this._canvas.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    this.addEventListener("keydown", (event) => this._key(event));
  }

  connectedCallback() {
    if (!this.hasAttribute("tabindex")) this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.setAttribute("aria-orientation", "horizontal");
    this._named();
    this._sizes = new ResizeObserver(() => this._later());
    this._sizes.observe(this);
    this._endTheme = onTheme(() => this._later());
    this._tied();
    this._later();
  }

  disconnectedCallback() {
    this._sizes?.disconnect();
    this._endTheme?.();
    this._untie?.();
    cancelAnimationFrame(this._frame);
    this._frame = 0;
  }

  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (name === "song") this.song = now;
    else if (name === "spans") this.spans = JSON.parse(now || "[]");
    else if (name === "clock" && this.isConnected) this._tied();
    else if (name === "label") this._named();
    this._later();
  }

  get song() {
    return this._song;
  }

  set song(song) {
    if (song && typeof song === "object") return this._arrived(song);
    this._url = song || "";
    if (!song) return this._arrived(EMPTY);
    fetch(song, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${answer.status}`))))
      .then((found) => this._url === song && this._arrived(found))
      .catch((error) => this._url === song && this._say(`The song cannot be shown (${error.message})`));
  }

  get spans() {
    return this._spans.map((span) => ({ ...span }));
  }

  set spans(spans) {
    this._spans = (spans || []).map((span) => ({ kind: "keep", lane: -1, label: "", ...span }));
    if (this._selected >= this._spans.length) this._selected = -1;
    this._later();
  }

  get time() {
    return this._clock ? this._clock.time : this._time;
  }

  set time(time) {
    this._time = this._inside(time);
    if (this._clock) this._clock.seek(this._time);
    this._later();
  }

  get selected() {
    return this._selected;
  }

  set selected(index) {
    if (index === this._selected) return;
    this._selected = index;
    this._tell("select", { index });
    this._later();
  }

  get lanes() {
    return (this.getAttribute("lanes") || "").split("|").filter(Boolean);
  }

  /* What a press of the mouse at seconds and lane would find; for tests and for help texts. */
  placeOf(time, lane = -1) {
    const box = this._canvas.getBoundingClientRect();
    return { x: box.left + this._x(time), y: box.top + (lane < 0 ? RULER + WAVE / 2 : this._laneTop(lane) + (CAPTION + LANE) / 2) };
  }

  _arrived(song) {
    this._song = { ...EMPTY, ...song };
    [this._from, this._shown, this._begun] = [this._song.start_s, 0, null];
    this._time = this._inside(this._time);
    this._named();
    this._tell("song", { song: this._song });
    this._later();
  }

  _tied() {
    this._untie?.();
    this._clock = this.getAttribute("clock") ? Clock.named(this.getAttribute("clock")) : null;
    if (!this._clock) return;
    const clock = this._clock;
    const changed = () => this._later();
    for (const name of ["load", "state", "seek"]) clock.addEventListener(name, changed);
    this._untie = () => {
      for (const name of ["load", "state", "seek"]) clock.removeEventListener(name, changed);
    };
  }

  _named() {
    const { seconds, tempo_bpm: tempo, metre } = this._song;
    const facts = tempo ? `, ${Math.round(tempo)} beats a minute${metre ? `, ${metre}` : ""}` : "";
    this.setAttribute("aria-label", (this.getAttribute("label") || "Timeline of the song") + facts);
    this.setAttribute("aria-valuemin", this._song.start_s.toFixed(1));
    this.setAttribute("aria-valuemax", this._end.toFixed(1));
    this._valued();
  }

  _valued() {
    const time = this.time;
    const bar = lastBefore(this._song.downbeats_s, time + 1e-3) + 1;
    this.setAttribute("aria-valuenow", this._inside(time).toFixed(1));
    this.setAttribute("aria-valuetext", `${told(time)} of ${told(this._end)}${bar > 0 ? `, bar ${bar}` : ""}`);
  }

  // Where things are.

  get _end() {
    return this._song.start_s + this._song.seconds;
  }

  get _span() {
    return this._shown || this._song.seconds || 1;
  }

  _x(time) {
    return ((time - this._from) / this._span) * this._canvas.clientWidth;
  }

  _t(x) {
    return this._inside(this._from + (x / Math.max(1, this._canvas.clientWidth)) * this._span);
  }

  _inside(time) {
    return Math.min(Math.max(time, this._song.start_s), this._end);
  }

  get _phraseTop() {
    return RULER + WAVE + (this._song.sections.length ? STRIP : 0);
  }

  _laneTop(lane) {
    return this._phraseTop + (this._song.phrases_s.length ? PHRASE : 0) + lane * LANE;
  }

  _laneAt(y) {
    const lane = Math.floor((y - this._laneTop(0)) / LANE);
    return y < this._laneTop(0) ? -1 : Math.min(lane, this.lanes.length - 1);
  }

  _hit(x, y) {
    const lane = this._laneAt(y);
    if (y < RULER) return null;
    for (let index = this._spans.length - 1; index >= 0; index--) {
      const span = this._spans[index];
      if ((span.lane ?? -1) !== lane) continue;
      const [left, right] = [this._x(span.start_s), this._x(span.end_s)];
      if (x < left - GRIP || x > right + GRIP) continue;
      const part = Math.abs(x - left) < GRIP ? "start" : Math.abs(x - right) < GRIP ? "end" : "middle";
      if (part !== "middle" || lane >= 0) return { index, part };
      return { index, part: "over" };
    }
    return null;
  }

  _snapped(time, free) {
    const to = free ? "none" : this.getAttribute("snap") || "beat";
    const marks = to === "bar" ? this._song.downbeats_s : to === "beat" ? this._song.beats_s : [];
    const all = [this._song.start_s, ...marks, this._end];
    return marks.length ? all.reduce((best, mark) => (Math.abs(mark - time) < Math.abs(best - time) ? mark : best)) : time;
  }

  // Mouse and touch.

  _at(event) {
    const box = this._canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  _down(event) {
    if (event.button || !this._song.seconds) return;
    const [x, y] = this._at(event);
    const hit = this._hit(x, y);
    this.focus({ preventScroll: true });
    this._canvas.setPointerCapture(event.pointerId);
    this._drag = { x, lane: this._laneAt(y), hit, moved: false, scrub: y < RULER, time: this._t(x) };
    if (hit && hit.part !== "over") this._drag.was = { ...this._spans[hit.index] };
    if (this._drag.scrub) this._seek(this._t(x));
    event.preventDefault();
  }

  _moved(event) {
    const [x, y] = this._at(event);
    const drag = this._drag;
    if (!drag) {
      const hit = this._hit(x, y);
      this._canvas.style.cursor = !hit || hit.part === "over" ? "crosshair" : hit.part === "middle" ? "grab" : "ew-resize";
      return;
    }
    drag.moved ||= Math.abs(x - drag.x) > NEAR;
    if (!drag.moved) return;
    const time = this._t(x);
    if (drag.was) this._changed(drag, time, event.altKey);
    else if (!drag.scrub && this.getAttribute("mark"))
      this._begun = [drag.time, time].sort((a, b) => a - b).map((each) => this._snapped(each, event.altKey));
    else this._seek(time);
    this._later();
  }

  _changed(drag, time, free) {
    const span = this._spans[drag.hit.index];
    const moved = time - drag.time;
    if (drag.hit.part === "middle") {
      const start = this._snapped(this._inside(drag.was.start_s + moved), free);
      const length = drag.was.end_s - drag.was.start_s;
      span.start_s = Math.min(start, this._end - length);
      span.end_s = span.start_s + length;
    } else if (drag.hit.part === "start") span.start_s = Math.min(this._snapped(time, free), span.end_s - 0.05);
    else span.end_s = Math.max(this._snapped(time, free), span.start_s + 0.05);
  }

  _up(event) {
    const drag = this._drag;
    this._drag = null;
    if (!drag) return;
    if (event.type === "pointercancel") this._begun = null;
    else if (!drag.moved) {
      this.selected = drag.hit ? drag.hit.index : -1;
      if (!drag.scrub) this._seek(drag.time);
    } else if (drag.was) this._spanned("change", drag.hit.index);
    else if (this._begun) this._marked(this._begun, drag.lane);
    this._begun = null;
    this._later();
  }

  _wheel(event) {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    if (event.ctrlKey) this._zoom(Math.exp(-event.deltaY / 300), this._t(this._at(event)[0]));
    else this._pan(((event.deltaX || event.deltaY) / this._canvas.clientWidth) * this._span);
  }

  _zoom(by, round) {
    const all = this._song.seconds;
    const shown = Math.min(all, Math.max(2, this._span / by));
    this._from = round - ((round - this._from) * shown) / this._span;
    this._shown = shown >= all ? 0 : shown;
    this._pan(0);
  }

  _pan(seconds) {
    this._from = Math.min(Math.max(this._from + seconds, this._song.start_s), this._end - this._span);
    this._later();
  }

  // Keyboard.

  _key(event) {
    if (!this._song.seconds || event.ctrlKey || event.metaKey) return;
    const { beats_s: beats, downbeats_s: bars, sections } = this._song;
    const steps = event.shiftKey ? bars : beats;
    const actions = {
      ArrowRight: () => this._step(steps, 1), ArrowLeft: () => this._step(steps, -1),
      PageDown: () => this._step(sections.map((section) => section.start_s), 1),
      PageUp: () => this._step(sections.map((section) => section.start_s), -1),
      Home: () => this._seek(this._song.start_s), End: () => this._seek(this._end),
      ArrowDown: () => this._choose(1), ArrowUp: () => this._choose(-1),
      " ": () => this._clock?.toggle(),
      "[": () => this._begin(), "]": () => this._finish(),
      p: () => this._phrased(this.time, this._lane),
      Enter: () => this._underHead(), Delete: () => this._remove(), Backspace: () => this._remove(),
      Escape: () => this._drop(),
      "+": () => this._zoom(1.5, this.time), "=": () => this._zoom(1.5, this.time), "-": () => this._zoom(1 / 1.5, this.time),
      0: () => this._zoom(1e-6, this.time),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
    this._later();
  }

  _step(marks, way) {
    const time = this.time;
    const next = way > 0 ? marks.find((mark) => mark > time + 0.03) : marks.filter((mark) => mark < time - 0.03).pop();
    this._seek(next ?? (marks.length ? (way > 0 ? this._end : this._song.start_s) : time + way));
  }

  _choose(way) {
    this._lane = Math.min(Math.max(this._lane + way, -1), this.lanes.length - 1);
    this._say(this._lane < 0 ? "on the waveform" : this.lanes[this._lane]);
  }

  _begin() {
    if (!this.getAttribute("mark")) return;
    this._open = this._snapped(this.time, false);
    this._say(`begins at ${told(this._open)}; ] ends it`);
  }

  _finish() {
    if (this._open === undefined || this._open === null) return;
    this._marked([this._open, this._snapped(this.time, false)].sort((a, b) => a - b), this._lane);
    this._open = null;
  }

  /* Marks the phrase that a second is in. */
  _phrased(time, lane) {
    const starts = this._song.phrases_s;
    const at = lastBefore(starts, time + 1e-3);
    if (at < 0 || !this.getAttribute("mark")) return;
    this._marked([starts[at], starts[at + 1] ?? this._end], this.lanes.length ? Math.max(0, lane) : -1);
  }

  _underHead() {
    const time = this.time;
    this.selected = this._spans.findIndex(
      (span) => span.start_s <= time && time < span.end_s && (this._lane < 0 || (span.lane ?? -1) === this._lane),
    );
    this._say(this._selected < 0 ? "nothing is selected" : `selected ${this._inWords(this._spans[this._selected])}`);
  }

  _remove() {
    if (this._selected < 0) this._underHead();
    if (this._selected < 0) return;
    const index = this._selected;
    const [gone] = this._spans.splice(index, 1);
    this._selected = -1;
    this._say(`removed ${this._inWords(gone)}`);
    this._tell("span", { action: "remove", index, ...gone, spans: this.spans });
  }

  _drop() {
    this._open = this._begun = this._drag = null;
    this.selected = -1;
  }

  // What a person did.

  _marked([start, end], lane) {
    if (end - start < 0.05) return;
    const span = { start_s: start, end_s: end, kind: this.getAttribute("mark"), lane: this.lanes.length ? lane : -1, label: "" };
    if (this.hasAttribute("single")) this._spans = [];
    this._spans.push(span);
    this._selected = this._spans.length - 1;
    this._spanned("add", this._selected);
  }

  _spanned(action, index) {
    const span = this._spans[index];
    [span.start_s, span.end_s] = [span.start_s, span.end_s].map((time) => Math.round(time * 1000) / 1000);
    this._say(`${action === "add" ? "marked" : "now"} ${this._inWords(span)}`);
    this._tell("span", { action, index, ...span, spans: this.spans });
  }

  _inWords(span) {
    return `${span.label || span.kind} from ${told(span.start_s)} to ${told(span.end_s)}`;
  }

  _seek(time) {
    this.time = time;
    this._tell("seek", { time_s: this._time });
  }

  _tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  _say(text) {
    this._said.textContent = text;
  }

  // Drawing.

  _later() {
    if (this.isConnected && !this._frame) this._frame = requestAnimationFrame(this._draw);
  }

  _draw() {
    this._frame = 0;
    const colours = PALETTES[isDark() ? "dark" : "light"];
    this.style.setProperty("--focus", colours.focus);
    const height = this._laneTop(this.lanes.length);
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const width = this.clientWidth;
    if (!width) return;
    const canvas = this._canvas;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      canvas.style.height = `${height}px`;
    }
    const playing = this._clock?.playing;
    if (playing && this._shown && !this._drag) this._followed();
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    this._drawStage(pen, width, height, colours);
    this._drawWave(pen, width, colours);
    this._drawGrid(pen, width, height, colours);
    this._drawSections(pen, width, colours);
    this._drawPhrases(pen, width, colours);
    this._drawLanes(pen, width, colours);
    this._spans.forEach((span, index) => this._drawSpan(pen, span, index === this._selected, colours));
    if (this._begun) this._drawSpan(pen, { start_s: this._begun[0], end_s: this._begun[1], kind: this.getAttribute("mark"), lane: this._drag?.lane ?? -1 }, true, colours);
    this._drawHead(pen, height, colours);
    this._valued();
    if (playing) this._later();
  }

  _followed() {
    const time = this.time;
    if (time > this._from + this._span * 0.9 || time < this._from) this._pan(time - this._span * 0.1 - this._from);
  }

  _drawStage(pen, width, height, colours) {
    pen.fillStyle = colours.back;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = colours.ruler;
    pen.fillRect(0, 0, width, RULER);
    if (this._song.seconds) return;
    pen.fillStyle = colours.dim;
    pen.textAlign = "center";
    pen.fillText(this._url ? "Listening to the song …" : "No song yet", width / 2, RULER + WAVE / 2);
  }

  _drawWave(pen, width, colours) {
    const { peaks, seconds, start_s: start } = this._song;
    if (!peaks.length || !seconds) return;
    const middle = RULER + WAVE / 2;
    const inside = this._spans.filter((span) => span.kind === "dance");
    for (let x = 0; x < width; x += 3) {
      const [from, to] = [this._t(x), this._t(x + 3)].map((time) => ((time - start) / seconds) * peaks.length);
      let top = 0;
      for (let at = Math.floor(from); at <= Math.min(Math.ceil(to), peaks.length - 1); at++) top = Math.max(top, peaks[at]);
      const half = Math.max(1, (top / 255) * (WAVE / 2 - 6));
      const time = this._t(x + 1);
      const bright = !inside.length || inside.some((span) => span.start_s <= time && time < span.end_s);
      pen.fillStyle = bright ? colours.wave : colours.quiet;
      pen.fillRect(x, middle - half, 2, 2 * half);
    }
  }

  _drawGrid(pen, width, height, colours) {
    const { beats_s: beats, downbeats_s: bars, seconds } = this._song;
    if (!seconds) return;
    const perBeat = (width / this._span) * (beats.length > 1 ? (beats.at(-1) - beats[0]) / (beats.length - 1) : 1);
    pen.fillStyle = colours.beat;
    if (perBeat > 5) for (const beat of beats) pen.fillRect(Math.round(this._x(beat)), RULER, 1, WAVE);
    const perBar = bars.length > 1 ? (width / this._span) * ((bars.at(-1) - bars[0]) / (bars.length - 1)) : 0;
    const each = perBar ? 2 ** Math.max(0, Math.ceil(Math.log2(44 / perBar))) : 1;
    pen.textAlign = "left";
    bars.forEach((bar, index) => {
      const x = Math.round(this._x(bar));
      pen.fillStyle = colours.bar;
      if (perBar > 5) pen.fillRect(x, RULER - 5, 1, WAVE + 5);
      if (index % each || x < -40 || x > width) return;
      pen.fillStyle = colours.dim;
      pen.fillText(`${index + 1}`, x + 4, RULER / 2);
    });
    if (bars.length) return;
    const step = [1, 2, 5, 10, 15, 30, 60, 120, 300].find((each) => (each / this._span) * width > 50) || 600;
    for (let time = Math.ceil(this._song.start_s / step) * step; time < this._end; time += step) {
      const x = Math.round(this._x(time));
      pen.fillStyle = colours.bar;
      pen.fillRect(x, RULER - 5, 1, 5);
      pen.fillStyle = colours.dim;
      pen.fillText(told(time, 0), x + 4, RULER / 2);
    }
  }

  _drawSections(pen, width, colours) {
    const top = RULER + WAVE;
    const labels = [...new Set(this._song.sections.map((section) => section.label))];
    for (const section of this._song.sections) {
      const [left, right] = [this._x(section.start_s), this._x(section.end_s)];
      pen.fillStyle = colours.sections[labels.indexOf(section.label) % colours.sections.length];
      pen.fillRect(left, top, Math.max(1, right - left - 1), STRIP);
      if (right - left < 14) continue;
      pen.fillStyle = colours.text;
      this._text(pen, section.label, left, right, top + STRIP / 2 + 0.5, width);
    }
  }

  _drawPhrases(pen, width, colours) {
    const [top, starts] = [this._phraseTop, this._song.phrases_s];
    starts.forEach((start, index) => {
      const [left, right] = [this._x(start), this._x(starts[index + 1] ?? this._end)];
      pen.fillStyle = index % 2 ? colours.back : colours.ruler;
      pen.fillRect(left, top, right - left, PHRASE);
      pen.fillStyle = colours.line;
      pen.fillRect(Math.round(left), top, 1, PHRASE);
      if (right - left < 16) return;
      pen.fillStyle = colours.dim;
      this._text(pen, right - left > 70 ? `phrase ${index + 1}` : `${index + 1}`, left, right, top + PHRASE / 2, width);
    });
  }

  _text(pen, text, left, right, y, width) {
    pen.save();
    pen.beginPath();
    pen.rect(left, y - 20, Math.max(0, right - left - 4), 40);
    pen.clip();
    pen.textAlign = "left";
    pen.fillText(text, Math.min(Math.max(left, 0), width) + 6, y);
    pen.restore();
  }

  _drawLanes(pen, width, colours) {
    this.lanes.forEach((label, lane) => {
      const top = this._laneTop(lane);
      pen.fillStyle = lane === this._lane ? colours.ruler : colours.back;
      pen.fillRect(0, top, width, LANE);
      pen.fillStyle = colours.line;
      pen.fillRect(0, top, width, 1);
      pen.fillStyle = colours.dim;
      pen.textAlign = "left";
      pen.fillText(label, 6, top + CAPTION / 2 + 1.5);
    });
  }

  _drawSpan(pen, span, chosen, colours) {
    const lane = span.lane ?? -1;
    const [left, right] = [this._x(span.start_s), this._x(span.end_s)];
    const [top, height] = lane < 0 ? [RULER, WAVE] : [this._laneTop(lane) + CAPTION, LANE - CAPTION - 4];
    const colour = colours.kinds[span.kind] || colours.kinds.segment;
    pen.globalAlpha = lane < 0 ? 0.2 : 0.5;
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(left, top, Math.max(2, right - left), height, lane < 0 ? 0 : 5);
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour;
    pen.lineWidth = chosen ? 2.5 : 1;
    pen.stroke();
    for (const x of [left, right]) pen.fillRect(x - 1.5, top + height / 2 - 9, 3, Math.min(18, height));
    pen.fillStyle = colours.text;
    const label = (span.label || "").split("/").at(-1); // of a file its name
    if (label && right - left > 18) this._text(pen, label, left, right, lane < 0 ? top + 10 : top + height / 2, 1e9);
  }

  _drawHead(pen, height, colours) {
    if (!this._song.seconds) return;
    const time = this.time;
    const x = this._x(time);
    pen.fillStyle = colours.head;
    pen.fillRect(x - 1, 0, 2, height);
    pen.beginPath();
    pen.moveTo(x - 6, 0);
    pen.lineTo(x + 6, 0);
    pen.lineTo(x, 9);
    pen.fill();
    const text = told(time);
    const wide = pen.measureText(text).width + 8;
    const left = x + wide + 8 > this._canvas.clientWidth ? x - wide - 4 : x + 4;
    pen.fillStyle = colours.ruler;
    pen.fillRect(left, 2, wide, RULER - 4);
    pen.fillStyle = colours.head;
    pen.textAlign = "left";
    pen.fillText(text, left + 4, RULER / 2);
    if (this._open !== undefined && this._open !== null) pen.fillRect(this._x(this._open), RULER, 2, WAVE);
  }
}

if (!customElements.get("dance-timeline")) customElements.define("dance-timeline", DanceTimeline);
