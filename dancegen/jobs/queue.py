"""The queue in front of the machine's one GPU: jobs are calls of the Python API, done one after the other by a worker.

A job's state is on disk beside the store, so that a page that is loaded again, in another tab or after the server was
killed, finds it as it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from filelock import FileLock, Timeout

from dancegen.errors import InputError, NotFoundError
from dancegen.jobs.process import WorkerProcess
from dancegen.jobs.requests import checked, result_of
from dancegen.store import Store
from dancegen.store.atomic import read_json, write_json

WAITING, RUNNING, DONE, FAILED, CANCELLED, INTERRUPTED = (
    "waiting", "running", "done", "failed", "cancelled", "interrupted",
)  # fmt: skip
OPEN = (WAITING, RUNNING)
"""States of a job that is not at its end."""
KEPT = 40
"""Jobs that are remembered once they are over."""
LINES = 12
"""What a worker said last, that a job remembers."""


@dataclass(frozen=True)
class Job:
    """A call of a verb of the Python API, and how far it is.

    verb: `generate-poses`. keywords: as the function takes them; `{"result_of": id}` stands for the result of another
    job. label: what people read. share: 0..1 of the step, None where its length is unknown. left_s: of the step.
    stage, digest: of the result. waits_for: the label of the job before it.
    """

    id: str
    verb: str
    keywords: Mapping[str, Any]
    label: str
    state: str = WAITING
    created_s: float = 0.0
    started_s: float | None = None
    ended_s: float | None = None
    step: str = ""
    share: float | None = None
    left_s: float | None = None
    said: tuple[str, ...] = ()
    error: str = ""
    stage: str = ""
    digest: str = ""
    waits_for: str = ""

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN


@dataclass
class _Task:
    label: str
    total: float | None
    done: float = 0.0
    started: float = field(default_factory=time.monotonic)


class Jobs:
    """All jobs of a studio, oldest first, done one at a time in their order. Safe to call from any thread."""

    def __init__(self, store: Store, home: Path, allowed: Sequence[Path]) -> None:
        """home: the studio's own directory. allowed: directories whose files jobs may read, besides the store's."""
        self._store, self._home, self._allowed = store, home, (*store.roots, *allowed)
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[int, _Task] = {}
        self._worker = WorkerProcess(home / "work" / token_hex(4))
        self._stopping = False
        self._alone = FileLock(home / "studio.lock")
        self._folder = home / "jobs"
        try:
            self._alone.acquire(timeout=0)
            self._recall()
        except Timeout:  # another studio of this person is open on this store: each shows its own jobs
            self._folder = home / "jobs" / token_hex(4)
        self._thread = threading.Thread(target=self._work, daemon=True, name="studio-jobs")
        self._thread.start()

    # What pages call

    def add(self, verb: str, keywords: Mapping[str, Any], label: str = "") -> Job:
        """Put a call at the end of the queue. A value may be `result_of(job)`: the call then waits for that job.

        Raises InputError, as the command would, for options that are wrong, and for files that are neither uploaded
        here nor in the store.
        """
        return self._begin(token_hex(8), verb, keywords, label or verb)

    def check(self, verb: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords as `add` takes them. Raises InputError as it does."""
        return checked(verb, keywords, self._allowed)

    def all(self) -> list[Job]:
        """Every job there is, oldest first, each with what it waits for."""
        with self._lock:
            found, before = [], ""
            for job in self._jobs.values():
                found.append(replace(job, waits_for=before) if job.state == WAITING else job)
                if job.open:
                    before = job.label
            return found

    def get(self, job_id: str) -> Job:
        """Raises NotFoundError."""
        found = next((job for job in self.all() if job.id == job_id), None)
        if found is None:
            raise NotFoundError("there is no such job any more")
        return found

    def cancel(self, job_id: str) -> Job:
        """End a job. One that runs stops at its next step, or is killed a second later; what is finished is kept."""
        with self._wake:
            job = self.get(job_id)
            if job.state == WAITING:
                self._change(job_id, state=CANCELLED, ended_s=time.time())
            elif job.state == RUNNING:
                self._change(job_id, step="being cancelled")
                self._worker.cancel()
        return self.get(job_id)

    def again(self, job_id: str) -> Job:
        """The same job once more, at the end of the queue: it goes on from what the store has."""
        job = self.get(job_id)
        if job.open:
            raise InputError(f"{job.label} is not over yet")
        return self._begin(job_id, job.verb, job.keywords, job.label)

    def close(self) -> None:
        """End the worker; a job that runs can be started again by the next studio."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._worker.kill()
        self._thread.join(5)
        self._worker.kill()
        self._alone.release()

    def _begin(self, job_id: str, verb: str, keywords: Mapping[str, Any], label: str) -> Job:
        given = self.check(verb, keywords)
        with self._wake:
            self._jobs.pop(job_id, None)  # else it would keep its place
            self._put(Job(job_id, verb, given, label, created_s=time.time()))
            self._forget()
            self._wake.notify_all()
        return self.get(job_id)

    # The thread that works

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                keywords = self._resolved(job.keywords)
            except InputError as error:
                self._change(job.id, state=FAILED, error=str(error), ended_s=time.time())
                continue
            self._run(job, keywords)

    def _next(self) -> Job | None:
        """The job that is due, marked as running; None at the end."""
        with suppress(OSError):  # said where the job is
            self._worker.ready()
        with self._wake:
            while not self._stopping:
                job = next((each for each in self._jobs.values() if each.state == WAITING), None)
                if job is not None:
                    self._tasks = {}
                    self._change(job.id, state=RUNNING, started_s=time.time(), step="starting")
                    return job
                self._wake.wait()
        return None

    def _run(self, job: Job, keywords: Mapping[str, Any]) -> None:
        ended: dict[str, Any] = {}
        try:
            for event in self._worker.do(job.verb, keywords, self._store.roots):
                with self._lock:
                    ended = self._heard(job.id, event) or ended
        except OSError as error:
            ended = {"state": FAILED, "error": f"the worker could not be started: {error}"}
        if self._stopping:
            return
        if not ended:
            ended = {"state": CANCELLED} if self._worker.cancelled else {"state": FAILED, "error": self._worker.why()}
        self._change(job.id, **ended, ended_s=time.time(), step="", share=None, left_s=None)

    def _heard(self, job_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take an event of the worker in; returns the job's end where it is one."""
        match event["event"]:
            case "task":
                self._tasks[event["task"]] = _Task(event["label"], event["total"])
            case "advance" if event["task"] in self._tasks:
                self._tasks[event["task"]].done = event["done"]
            case "end":
                self._tasks.pop(event["task"], None)
            case "say" | "warn":
                said = (*self._jobs[job_id].said, event["text"])[-LINES:]
                self._change(job_id, said=said, keep=False)
            case "done":
                return {"state": DONE, "stage": event["stage"], "digest": event["digest"]}
            case "failed":
                return {"state": CANCELLED if event["cancelled"] else FAILED, "error": event["error"]}
        if not self._worker.cancelled:
            self._change(job_id, keep=False, **_shown(list(self._tasks.values())))
        return {}

    def _resolved(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords with results in the place of the jobs that made them. Raises InputError where there is none."""
        return {name: self._result(value) for name, value in keywords.items()}

    def _result(self, value: Any) -> Any:
        other = result_of(value)
        if other is None:
            return value
        job = self._jobs.get(other)
        if job is None or job.state != DONE:
            raise InputError(f"{job.label if job else 'the job before'} was not done, and this needs what it makes")
        return job.digest

    # What is kept

    def _put(self, job: Job) -> None:
        self._jobs[job.id] = job
        write_json(self._folder / f"{job.id}.json", asdict(job))

    def _change(self, job_id: str, *, keep: bool = True, **changes: Any) -> None:
        with self._lock:
            if job_id not in self._jobs:
                return
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)
            if keep:
                self._put(self._jobs[job_id])

    def _recall(self) -> None:
        """The jobs of the studio before; what was not over when it ended was interrupted."""
        records = [read_json(path) for path in self._folder.glob("*.json")]
        known = set(Job.__dataclass_fields__)
        for record in sorted(filter(None, records), key=lambda each: each.get("created_s", 0)):
            if known >= set(record) and {"id", "verb", "keywords", "label"} <= set(record):
                job = Job(**{**record, "said": tuple(record.get("said", ()))})
                if job.open:
                    job = replace(job, state=INTERRUPTED, step="", share=None, left_s=None, ended_s=time.time())
                self._put(job)
        self._forget()

    def _forget(self) -> None:
        over = [job.id for job in self._jobs.values() if not job.open]
        for job_id in over[: max(0, len(over) - KEPT)]:
            del self._jobs[job_id]
            (self._folder / f"{job_id}.json").unlink(missing_ok=True)


def _shown(tasks: Sequence[_Task]) -> dict[str, Any]:
    """Step, share and time left of the innermost of the tasks that are open."""
    if not tasks:
        return {"share": None, "left_s": None}
    task = tasks[-1]
    share = min(1.0, task.done / task.total) if task.total else None
    elapsed = time.monotonic() - task.started
    left_s = elapsed * (1 - share) / share if share and elapsed > 1 else None
    return {"step": task.label, "share": share, "left_s": left_s}
