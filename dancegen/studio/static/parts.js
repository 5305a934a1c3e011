/* What stands between Gradio's HTML component and our elements: `views.element` names one of these functions.
 *
 * Each makes its elements once, from the settings in data-settings, and then shows what `props.value` says:
 *   timeline  {song, sound, start_s, seconds, spans}: `song` is a URL or the song itself; `sound` goes to its clock.
 *   stage     {src, sound, label, accent, job, video, pose}: a dance in space or, with `video`, a film of it. `job`:
 *             the id of a job whose progress is shown over it.
 *   choice    {dances: [{src, sound, label, accent, job, digest, kept}]}: dances side by side, each with a Keep button.
 */
import { Clock } from "./dance_clock.js";
import "./dance_view.js";
import "./timeline.js";

function settingsOf(element) {
  return JSON.parse(element.querySelector("[data-settings]").dataset.settings);
}

/* The template's place, which Gradio may draw anew: then what was made is put back. */
function placed(element, watch, made, show) {
  const put = () => {
    const place = element.querySelector("[data-settings]");
    if (place && !place.contains(made[0])) place.replaceChildren(...made);
    show();
  };
  put();
  watch("value", put);
}

function attribute(node, name, value) {
  if (value === undefined || value === null || value === false || value === "") node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : value);
}

function made(name, settings) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(settings)) attribute(node, key, value);
  return node;
}

/* Shows how far a job is in the place that `say` writes to. */
function reported(jobOf, say) {
  window.addEventListener("studio:job", ({ detail: job }) => {
    if (!jobOf() || job.id !== jobOf()) return;
    const share = job.share === null ? "" : ` ${Math.round(100 * job.share)} %`;
    const left = job.left_s === null ? "" : `, ${Math.ceil(job.left_s)} s left`;
    if (job.state === "waiting") say(job.waits_for ? `Waits for ${job.waits_for}` : "Waits …");
    else if (job.state === "running") say(`${job.step || "At work"}${share}${left}`);
    else say(job.state === "failed" ? `It failed: ${job.error}` : job.state === "cancelled" ? "Cancelled" : "");
  });
}

export function timeline(element, props, trigger, watch) {
  const node = made("dance-timeline", settingsOf(element));
  let last = "";
  let shown;
  node.addEventListener("span", ({ detail }) => trigger("span", detail));
  node.addEventListener("seek", ({ detail }) => trigger("seek", detail));
  placed(element, watch, [node], () => {
    const value = props.value || {};
    if (JSON.stringify(value) === last) return;
    last = JSON.stringify(value);
    if (value.song !== undefined && value.song !== shown) node.song = shown = value.song;
    if (value.spans) node.spans = value.spans;
    if (value.sound) Clock.named(node.getAttribute("clock")).load(value.sound, value.start_s || 0, value.seconds || 0);
  });
}

export function stage(element, props, trigger, watch) {
  const settings = settingsOf(element);
  const view = made("dance-view", { controls: true, ...settings });
  const film = made("video", { controls: true, playsinline: true, hidden: true, class: "film", "aria-label": "The film of the dance" });
  film.addEventListener("play", () => view.clock.pause());
  film.addEventListener("loadedmetadata", () => (film.dataset.ready = ""));
  reported(() => props.value?.job, (text) => (view.note = text));
  // One event a drag: while the page waits for an answer to the first, Gradio drops those that follow.
  view.addEventListener("joint", ({ detail }) => {
    if (detail.phase === "end") trigger("joint", { ...detail, time_s: view.time });
  });
  placed(element, watch, [view, film], () => {
    const value = props.value || {};
    for (const name of ["src", "label", "accent"]) attribute(view, name, value[name]);
    attribute(view, "audio", value.sound);
    attribute(film, "src", value.video);
    film.hidden = !value.video;
    view.hidden = Boolean(value.video);
    view.pose = value.pose || null;
    if (value.video) view.clock.pause();
    else film.pause();
    if (!value.job) view.note = value.note || "";
  });
}

export function choice(element, props, trigger, watch) {
  const settings = settingsOf(element);
  const grid = made("div", { class: "choice" });
  const cells = [];
  const cell = (index) => {
    const box = made("section", { class: "dance-choice" });
    const view = made("dance-view", settings);
    const keep = made("button", { type: "button", class: "keep" });
    keep.addEventListener("click", () => trigger("keep", { index }));
    reported(() => props.value?.dances?.[index]?.job, (text) => (view.note = text));
    box.append(view, keep);
    return { box, view, keep };
  };
  placed(element, watch, [grid], () => {
    const dances = props.value?.dances || [];
    while (cells.length < dances.length) cells.push(cell(cells.length));
    grid.replaceChildren(...cells.slice(0, dances.length).map(({ box }) => box));
    dances.forEach((dance, index) => {
      const { box, view, keep } = cells[index];
      for (const name of ["src", "label", "accent"]) attribute(view, name, dance[name]);
      attribute(view, "audio", dances.find((each) => each.sound) === dance && dance.sound);
      attribute(box, "data-kept", Boolean(dance.kept));
      attribute(keep, "disabled", !dance.src);
      attribute(keep, "aria-pressed", String(Boolean(dance.kept)));
      keep.textContent = dance.kept ? "Kept" : "Keep this one";
      attribute(keep, "aria-label", `${keep.textContent}: ${dance.label}`);
      if (!dance.job) view.note = dance.note || "";
    });
  });
}
