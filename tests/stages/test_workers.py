"""Work on the processes of this machine, and on a cluster that is one."""

from __future__ import annotations

import os
import shutil

import pytest

from dancegen import prepare
from dancegen.errors import InputError
from dancegen.options.shared import Parallel
from dancegen.stages.workers import hired, results
from helpers.clusters import dask_worker_with, two_dask_workers, whose
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer


def work_of(options: Parallel) -> list[tuple[int, int]]:
    jobs = [(number,) for number in range(6)]
    with hired(options, len(jobs)) as number:
        return list(results(options, whose, jobs, number))


def test_one_worker_is_this_process_and_several_are_others():
    assert {process for _, process in work_of(Parallel(workers=1))} == {os.getpid()}
    found = work_of(Parallel(workers=2))
    assert sorted(number for number, _ in found) == list(range(6))
    assert os.getpid() not in {process for _, process in found}


def test_no_more_processes_are_started_than_there_are_jobs():
    for jobs, expected in ((0, 1), (1, 1), (2, 2), (9, 3)):
        with hired(Parallel(workers=3), jobs) as number:
            assert number == expected


def test_a_cluster_does_the_work():
    with two_dask_workers() as options:
        found = work_of(Parallel(**options))
    assert sorted(number for number, _ in found) == list(range(6))
    assert os.getpid() not in {process for _, process in found}


def test_a_worker_with_another_dancegen_is_told_before_it_is_given_work(tmp_path):
    told = r"1 of 1 workers .* has dancegen 0\.0\.9, and this is"
    with dask_worker_with("0.0.9", tmp_path / "theirs") as options, pytest.raises(InputError, match=told):
        work_of(Parallel(**options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "dask"}, "--backend dask needs --scheduler"),
        ({"scheduler": "10.0.0.1:8786"}, "--backend dask or --backend ray"),
        ({"backend": "loky", "scheduler": "10.0.0.1:8786"}, "--backend dask or --backend ray"),
    ],
)
def test_a_scheduler_and_its_kind_belong_together(options, said, tmp_path):
    with pytest.raises(InputError, match=said):
        prepare(tmp_path, **options)


def test_a_cluster_prepares_what_one_process_prepares(tmp_path):
    """The scratch files, too, must lie where all workers see them."""
    takes, music = tmp_path / "takes", tmp_path / "music"
    for place in (takes, music):
        place.mkdir()
    for number, step_s in enumerate((0.5, 0.45)):
        write_dancer(takes / f"60_0{number}.bvh", step_s=step_s)
    write_click(music / "click.wav", 120)
    given = {"music": music, "pairs": 1, "clip_seconds": 3.0}
    one = prepare(takes, **given, workers=1, store=tmp_path / "one")
    with two_dask_workers() as options:
        two = prepare(takes, **given, **options, store=tmp_path / "two")
    assert two.content == one.content and not two.cached
    assert not [path for path in two.path.iterdir() if path.name.startswith(".")]
    shutil.rmtree(tmp_path / "two")


def test_one_paints_on_each_gpu_and_at_least_one_on_each_machine():
    from dancegen.stages.dask_cluster import painters
    from dancegen.stages.workers import gpus_here

    assert painters({"a": [2, 2, 2], "b": [0, 0], "c": [4]}) == 2 + 1 + 1
    with hired(Parallel(backend="loky"), one_a_gpu=True) as number:
        assert number == max(1, gpus_here())
    with hired(Parallel(backend="loky", workers=3), one_a_gpu=True) as number:
        assert number == 3
