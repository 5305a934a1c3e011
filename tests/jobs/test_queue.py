"""The queue: one job at a time in a process of its own, seen, cancelled, remembered."""

from __future__ import annotations

import os
import signal
import time

import pytest

from dancegen.errors import InputError, NotFoundError
from dancegen.jobs import Jobs, result
from dancegen.store import open_store
from helpers.processes import wait_until
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a song of a minute and a tiny model, both of which jobs may read."""
    folder = tmp_path_factory.mktemp("jobs")
    write_song(folder / "song.wav", 60.0)
    saved_model(folder / "body")
    return folder


@pytest.fixture
def queue(tmp_path, place):
    """Jobs on an empty store."""
    jobs = open_jobs(tmp_path, place)
    yield jobs
    jobs.close()


def open_jobs(tmp_path, place) -> Jobs:
    store = open_store(tmp_path / "store")
    return Jobs(store, tmp_path / "home", [place])


def dance(place, **more) -> dict:
    return {"song": str(place / "song.wav"), "model": str(place / "body"), "canvas": "64x64", "seconds": "4", **more}


def ended(jobs: Jobs, job, seconds: float = 180.0):
    wait_until(lambda: not jobs.get(job.id).open, f"{job.label} ends", seconds=seconds)
    return jobs.get(job.id)


def running(jobs: Jobs, job) -> None:
    wait_until(lambda: jobs.get(job.id).state == "running" and jobs.get(job.id).step not in ("", "starting"),
               "a step", seconds=180)  # fmt: skip


def test_jobs_run_one_after_the_other_and_one_takes_what_another_made(queue, place):
    first = queue.add("generate-poses", dance(place), "the dance")
    second = queue.add("export", {"dance": result(first.id)}, "its export")
    assert (first.waits_for, second.waits_for) == ("", "the dance")
    wait_until(lambda: queue.get(first.id).state == "running", "it begins", seconds=120)
    assert queue.get(second.id).state == "waiting"
    first, second = ended(queue, first), ended(queue, second)
    assert (first.state, first.stage, second.state, second.stage) == ("done", "generate-poses", "done", "export"), (
        second
    )
    assert first.ended_s <= second.started_s + 0.1
    made = open_store(queue._store.root).find(second.digest)
    assert made.inputs[0].name.endswith(first.digest[:16])


def test_what_fails_says_why_and_what_waits_for_it_is_not_done(queue, place):
    (place / "broken.wav").write_bytes(b"no song at all")
    first = queue.add("generate-poses", {"song": str(place / "broken.wav")}, "the dance")
    second = queue.add("export", {"dance": result(first.id)}, "its export")
    first, second = ended(queue, first), ended(queue, second)
    assert first.state == "failed" and "broken.wav" in first.error
    assert second.state == "failed" and "the dance was not done" in second.error


def test_a_job_that_waits_is_cancelled_at_once_and_one_that_runs_soon(queue, place):
    first = queue.add("generate-poses", dance(place, seconds="60"), "long")
    second = queue.add("generate-poses", dance(place, seed=1), "short")
    running(queue, first)
    assert queue.cancel(second.id).state == "cancelled"
    queue.cancel(first.id)
    assert ended(queue, first, 20).state == "cancelled"
    third = queue.add("generate-poses", dance(place, seed=2), "after")
    assert ended(queue, third).state == "done"


def test_a_worker_that_looks_at_nothing_is_killed(queue, place):
    """As in native code: a stopped process runs no Python."""
    first = queue.add("generate-poses", dance(place, seconds="60"), "long")
    running(queue, first)
    os.kill(queue._worker._process.pid, signal.SIGSTOP)
    queue.cancel(first.id)
    assert ended(queue, first, 20).state == "cancelled"
    assert ended(queue, queue.add("generate-poses", dance(place), "after")).state == "done"


def test_a_worker_that_dies_fails_its_job_and_the_next_one_is_done(queue, place):
    first = queue.add("generate-poses", dance(place, seconds="60"), "long")
    running(queue, first)
    os.kill(queue._worker._process.pid, signal.SIGKILL)
    first = ended(queue, first)
    assert first.state == "failed" and "memory" in first.error
    again = queue.again(first.id)
    assert (again.label, again.id, again.error) == ("long", first.id, "")
    assert queue.all() == [again]
    queue.cancel(again.id)


def test_what_a_closed_queue_left_is_interrupted_and_goes_on(tmp_path, place):
    jobs = open_jobs(tmp_path, place)
    first = jobs.add("generate-poses", dance(place, seconds="10"), "the dance")
    running(jobs, first)
    jobs.close()
    jobs = open_jobs(tmp_path, place)
    try:
        found = jobs.get(first.id)
        assert (found.state, found.label, found.keywords["seconds"]) == ("interrupted", "the dance", "10")
        assert ended(jobs, jobs.again(first.id)).state == "done"
        assert [job.id for job in jobs.all()] == [first.id]  # pages that show it go on showing it
        with pytest.raises(NotFoundError):
            jobs.get("0" * 16)
    finally:
        jobs.close()


def test_a_second_queue_of_the_same_home_shows_its_own_jobs(tmp_path, place, queue):
    first = queue.add("generate-poses", dance(place), "mine")
    other = open_jobs(tmp_path, place)
    try:
        assert other.all() == []
    finally:
        other.close()
    assert ended(queue, first).state == "done"


def test_a_job_that_is_not_over_is_not_started_again(queue, place):
    first = queue.add("generate-poses", dance(place, seconds="60"), "long")
    with pytest.raises(InputError, match="not over"):
        queue.again(first.id)
    started = time.monotonic()
    queue.close()
    assert time.monotonic() - started < 20
