// The queue: every tab asks the server what the jobs do, shows it, and says it to the pages.

const EVERY_MS = 700;
const RECENT_S = 600;
const base = window.studio.base;
const before = new Map();

function words(job) {
  if (job.state === "waiting") return job.waits_for ? `waits for ${job.waits_for}` : "waits";
  if (job.state === "running") {
    const share = job.share === null ? "" : ` ${Math.round(100 * job.share)}%`;
    const left = job.left_s === null ? "" : `, ${clock(job.left_s)} left`;
    const said = job.said.length ? job.said[job.said.length - 1] : "";
    return `${job.step || "at work"}${share}${left}` + (job.step === "starting" && said ? `: ${said}` : "");
  }
  if (job.state === "failed") return `failed: ${job.error}`;
  if (job.state === "interrupted") return "was interrupted; what was finished is kept";
  return job.state === "done" ? `done in ${clock(job.ended_s - job.started_s)}` : job.state;
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function button(text, job, order) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.dataset.order = `${job.id}/${order}`;
  made.setAttribute("aria-label", `${text}: ${job.label}`);
  made.addEventListener("click", async () => {
    made.disabled = true;
    await fetch(`${base}/jobs/${job.id}/${order}`, { method: "POST" });
    await look();
  });
  return made;
}

function row(job) {
  const made = document.createElement("div");
  made.className = `job ${job.state}`;
  made.dataset.id = job.id;
  const label = document.createElement("b");
  label.textContent = job.label;
  const said = document.createElement("span");
  made.append(label, said);
  if (job.state === "running") {
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", job.label);
    bar.max = 1;
    made.append(bar);
  }
  if (["waiting", "running"].includes(job.state)) made.append(button("Cancel", job, "cancel"));
  if (["interrupted", "failed", "cancelled"].includes(job.state)) made.append(button("Go on", job, "again"));
  return made;
}

function draw(jobs) {
  const place = document.getElementById("queue");
  if (!place) return;
  const now = Date.now() / 1000;
  const over = (job) => !["waiting", "running"].includes(job.state);
  const recent = jobs.filter(over).filter((job) => job.state === "interrupted" || now - job.ended_s < RECENT_S).slice(-2);
  const shown = [...recent, ...jobs.filter((job) => !over(job))];
  const there = new Map([...place.children].map((child) => [`${child.dataset.id} ${child.className}`, child]));
  place.replaceChildren(...shown.map((job) => there.get(`${job.id} job ${job.state}`) || row(job)));
  for (const job of shown) {
    const child = [...place.children].find((each) => each.dataset.id === job.id);
    const text = child.querySelector("span");
    if (text.textContent !== words(job)) text.textContent = words(job);
    const bar = child.querySelector("progress");
    if (bar && job.share !== null) bar.value = job.share;
    else if (bar) bar.removeAttribute("value");
  }
}

function tell(jobs) {
  let changed = false;
  for (const job of jobs) {
    const is = `${job.state} ${job.step}`;
    const all = `${is} ${job.share} ${job.left_s} ${job.waits_for}`;
    const was = before.get(job.id) || {};
    if (was.all === all) continue;
    changed ||= was.is !== is;
    before.set(job.id, { is, all });
    window.dispatchEvent(new CustomEvent("studio:job", { detail: job }));
  }
  if (changed) document.querySelector("#jobs-changed button, button#jobs-changed")?.click();
}

async function look() {
  try {
    const answer = await fetch(`${base}/jobs`);
    if (!answer.ok) throw new Error(String(answer.status));
    const jobs = await answer.json();
    draw(jobs);
    tell(jobs);
    document.getElementById("gone")?.remove();
  } catch {
    if (document.getElementById("gone") || !document.getElementById("queue")) return;
    const gone = document.createElement("p");
    gone.id = "gone";
    gone.role = "alert";
    gone.textContent = "The studio does not answer: start dancegen studio again, and open the address that it prints.";
    document.getElementById("queue").before(gone);
  }
}

setInterval(look, EVERY_MS);
look();
