"""Several workers paint the film that one process paints."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

from dancegen.cli import main
from dancegen.store import open_store
from helpers.clusters import two_dask_workers
from helpers.tiny_film import FEW, QUICK, dance, film, flags, options, tiny_models

BACKENDS = ["dask", "ray"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models")))


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_workers_give_the_film_that_one_process_gives(backend, models, tmp_path, capfd):
    few = {**FEW, **models, "key_fps": 4, "segment": 16, "window": 8, "stride": 6, "overlap": 2}
    alone, shared = (open_store(tmp_path / name) for name in ("alone", "shared"))
    poses = dance(alone)
    shutil.copytree(poses.path, shared.root / "generate-poses" / poses.path.name)
    one = film(alone, poses, "a dancer", capfd, **few)
    with cluster(backend) as workers:
        two = film(shared, poses, "a dancer", capfd, **few, **workers)
    assert two["summary"]["segments_computed"] == two["summary"]["segments_total"] == 2
    assert two["digest"] == one["digest"] and two["content"] == one["content"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scheduler_that_is_not_there_is_named(backend, models, tmp_path, capfd):
    pytest.importorskip("distributed" if backend == "dask" else "ray")
    store = open_store(tmp_path / "store")
    poses = dance(store)
    given = {**QUICK, **FEW, **models, "backend": backend, "scheduler": "127.0.0.1:1", "store": store.root}
    assert main(["render", poses.digest[:16], "--prompt", "a dancer", *flags(given)]) == 2
    assert "--scheduler 127.0.0.1:1" in capfd.readouterr().err
