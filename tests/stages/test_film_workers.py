"""Several workers paint the film that one process paints."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from dancegen.cli import main
from dancegen.stages import film_workers, workers
from helpers.clusters import two_dask_workers
from helpers.tiny_film import FEW, QUICK, elsewhere, film, flags

BACKENDS = ["dask", "ray"]


@contextmanager
def cluster(backend):
    """Two workers on this machine; yields render's options for them."""
    if backend == "dask":
        with two_dask_workers() as options_:
            yield options_
        return
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield {"backend": backend, "workers": 2}
    finally:
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_two_workers_give_the_film_that_one_process_gives(backend, store, poses, models, tmp_path, capfd):
    few = {**FEW, **models, "key_fps": 4, "segment": 16, "window": 8, "stride": 6, "overlap": 2}
    shared = elsewhere(poses, tmp_path / "shared")
    one = film(store, poses, "a dancer", capfd, **few)
    with cluster(backend) as hired:
        two = film(shared, poses, "a dancer", capfd, **few, **hired)
    assert two["summary"]["segments_computed"] == two["summary"]["segments_total"] == 2
    assert two["digest"] == one["digest"] and two["content"] == one["content"]


def test_where_nobody_says_how_many_one_process_paints_on_a_machine_without_a_gpu(
    store, poses, models, capfd, monkeypatch
):  # fmt: skip
    """And not one on every core, each with all the networks."""
    numbers, batches = [], film_workers.batches
    monkeypatch.setattr(film_workers, "batches", lambda tasks, jobs: numbers.append(jobs) or batches(tasks, jobs))
    monkeypatch.setattr(workers, "gpus_here", lambda: 0)
    monkeypatch.setattr(workers, "usable_cores", lambda: 2)
    film(store, poses, "a dancer alone", capfd, **FEW, **models, backend="loky")
    assert numbers == [1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scheduler_that_is_not_there_is_named(backend, store, poses, models, capfd):
    pytest.importorskip("distributed" if backend == "dask" else "ray")
    given = {**QUICK, **FEW, **models, "backend": backend, "scheduler": "127.0.0.1:1", "store": store.root}
    assert main(["render", poses.digest[:16], "--prompt", "a dancer", *flags(given)]) == 2
    assert "--scheduler 127.0.0.1:1" in capfd.readouterr().err
