/* One clock for everything that plays together: timelines, views and films of one name share it. The music is the
 * clock: what an <audio> element plays now is the time, in seconds of the song.
 *
 *   const clock = Clock.named("make");
 *   clock.load(url, start_s, seconds);      the sound, and the second of the song with which it begins
 *   clock.time; clock.playing; clock.end    seconds of the song
 *   clock.play(); clock.pause(); clock.toggle(); clock.seek(12.5)
 *   clock.loop = [from_s, to_s] or null
 *
 * Events of a clock: "load", "state" (play or pause), "seek". A clock lives as long as the page, so that a part of the
 * page may be drawn anew while it plays. Starting one clock pauses all others.
 */
const clocks = new Map();

export class Clock extends EventTarget {
  static named(name) {
    if (!clocks.has(name)) clocks.set(name, new Clock());
    return clocks.get(name);
  }

  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.url = "";
    this.start = 0;
    this.seconds = 0;
    this.loop = null;
    this._heard = 0;
    this._at = 0;
    this._still = 0;
    for (const name of ["play", "playing", "pause", "ended", "waiting"])
      this.audio.addEventListener(name, () => this._say("state"));
    this.audio.addEventListener("loadedmetadata", () => this._move(this._still)); // the last moment that was chosen
    for (const name of ["loadedmetadata", "error"]) this.audio.addEventListener(name, () => this._say("load"));
    this.audio.addEventListener("timeupdate", () => this._looped());
  }

  load(url, start = 0, seconds = 0) {
    if (url === this.url && start === this.start) return;
    const [time, playing] = [this.time, this.playing];
    Object.assign(this, { url, start, seconds });
    this.audio.src = url;
    const inside = time >= start && (!seconds || time < start + seconds);
    this._move(inside ? time : start);
    if (playing) this.play();
    this._say("load");
  }

  get length() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : this.seconds;
  }

  get end() {
    return this.start + this.length;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  /* Browsers tell the time of a sound in steps; between two of them the wall clock goes on. */
  get time() {
    if (!this.url || !this.audio.readyState) return this._still; // a sound that is on its way has no time yet
    const heard = this.audio.currentTime;
    const now = performance.now() / 1000;
    if (heard !== this._heard || !this.playing) [this._heard, this._at] = [heard, now];
    const since = this.playing && this.audio.readyState > 2 ? Math.min(now - this._at, 0.1) : 0;
    return this.start + heard + since * this.audio.playbackRate;
  }

  play() {
    if (!this.url) return Promise.resolve();
    for (const other of clocks.values()) if (other !== this) other.pause();
    if (this.audio.ended || this.time >= this.end - 0.02) this._move(this.start);
    return this.audio.play().catch(() => this._say("state"));
  }

  pause() {
    this.audio.pause();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(time) {
    const last = this.length ? this.end - 0.01 : Infinity; // a sound that is on its way has no length yet
    this._move(this.url ? Math.min(Math.max(time, this.start), Math.max(this.start, last)) : Math.max(0, time));
    this._say("seek");
  }

  _move(time) {
    this._still = time;
    if (!this.url) return;
    const wanted = Math.max(0, time - this.start);
    if (this.audio.readyState > 0) this.audio.currentTime = wanted;
    [this._heard, this._at] = [wanted, performance.now() / 1000];
  }

  _looped() {
    if (this.loop && this.playing && (this.time >= this.loop[1] || this.time < this.loop[0] - 0.2)) this._move(this.loop[0]);
  }

  _say(name) {
    this.dispatchEvent(new Event(name));
  }
}

/* 1:05.3 */
export function told(time, digits = 1) {
  const rounded = Number(Math.max(0, time).toFixed(digits));
  const seconds = (rounded % 60).toFixed(digits);
  return `${Math.floor(rounded / 60)}:${seconds.padStart(digits ? digits + 3 : 2, "0")}`;
}

/* The index of the last of ascending times that is not after `time`, -1 before the first. */
export function lastBefore(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/* Whether the page is dark now: Gradio says so by a class, else the system does. */
export function isDark() {
  if (document.querySelector(".gradio-container, gradio-app")) return document.body.classList.contains("dark");
  return document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
}

/* Calls `changed` when the page becomes dark or light; returns what ends that. */
export function onTheme(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", changed);
  };
}
