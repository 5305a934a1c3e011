"""--backend dask: results as they come, errors as they were raised, and workers that die, which costs one job each."""

from __future__ import annotations

import pytest

from dancegen.errors import DancegenError, InputError
from dancegen.options.shared import Parallel
from dancegen.stages import dask_cluster
from dancegen.stages.cluster_versions import own_version
from dancegen.stages.one_by_one import KILLED, one_by_one
from dancegen.stages.workers import hired, results
from helpers.clusters import dask_worker_with, once_there_is, refuse, two_dask_workers, vanish
from helpers.deadly_work import work as deadly
from helpers.listening import Listener


@pytest.fixture(scope="module")
def cluster():
    """The options of a verb that works on two processes of Dask."""
    with two_dask_workers() as options:
        yield options


def work(options: dict, function, jobs: list[tuple]) -> list:
    given = Parallel(**options)
    with hired(given, len(jobs)) as number:
        return list(results(given, function, jobs, number))


def test_results_come_while_others_are_worked_on(cluster, tmp_path):
    """The second job ends only when the first one's result was seen here."""
    given, seen = Parallel(**cluster), tmp_path / "seen"
    jobs = [(1, None), (2, str(seen))]
    with hired(given, len(jobs)) as number:
        found = []
        for result in results(given, once_there_is, jobs, number):
            found.append(result)
            seen.touch()
    assert found == [1, 2]


def test_what_a_job_raises_is_raised_here_in_its_own_words(cluster):
    with pytest.raises(InputError) as raised:
        work(cluster, refuse, [("song.wav is no song",)])
    assert str(raised.value) == "song.wav is no song" and type(raised.value) is InputError


def test_where_each_job_is_needed_workers_that_die_are_told_in_words(cluster):
    with pytest.raises(DancegenError, match="a worker died again and again"):
        work(cluster, vanish, [()])


def test_a_job_that_its_workers_die_of_costs_no_other(cluster):
    heard, jobs = Listener(), [(0,), ("die",), ("raise",), (3,), ("die",), (5,)]
    found = list(one_by_one("Working", deadly, jobs, Parallel(**cluster), heard))
    assert [job for job, _ in found] == [0, "die", "raise", 3, "die", 5]
    assert [found[which][1] for which in (0, 1, 3, 4, 5)] == [0, KILLED, 3, KILLED, 5]
    assert "ZeroDivisionError" in found[2][1].reason
    assert any("is tried again, one at a time" in said for said in heard.said)


def test_where_all_workers_are_gone_and_none_comes_back_that_is_said(monkeypatch, tmp_path):
    dask = pytest.importorskip("dask")
    monkeypatch.setattr(dask_cluster, "_WAIT_FOR_WORKERS_S", 0.5)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 3}),  # a worker to come might do it
        dask_worker_with(own_version(), tmp_path) as options,
        pytest.raises(DancegenError, match=r"all workers of .* are gone"),
    ):
        work(options, vanish, [()])


def test_a_scheduler_without_workers_says_how_to_start_some(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "_WAIT_FOR_WORKERS_S", 0.3)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as here:
        address = here.scheduler_address
        with pytest.raises(InputError, match=f"no worker has joined .* `dask worker {address}`"):
            work({"backend": "dask", "scheduler": address}, refuse, [("never",)])
