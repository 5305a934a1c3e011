"""--backend ray: the bytes of one process, results as they come, and errors as they were raised."""

from __future__ import annotations

import os
import shutil
import socket
import sys

import numpy as np
import pytest

from dancegen import extract_poses, prepare
from dancegen.errors import DancegenError, InputError
from dancegen.options.shared import Parallel
from dancegen.stages.cluster_versions import check_versions
from dancegen.stages.cut_video import STAGE as CUTTING
from dancegen.stages.detect_people import STAGE as DETECTION
from dancegen.stages.one_by_one import KILLED, one_by_one
from dancegen.stages.workers import hired, results
from dancegen.store import open_store
from helpers.clusters import once_there_is, refuse, two_ray_workers, vanish, whose
from helpers.deadly_work import work as deadly
from helpers.filmed_clips import Shot, filmed_dataset
from helpers.filmed_dances import film
from helpers.listening import Listener
from helpers.processes import environment, run_python
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer


@pytest.fixture(scope="module")
def cluster():
    """The options of a verb that works on two of Ray's processes."""
    with two_ray_workers() as options:
        yield options


def work(options: dict, function, jobs: list[tuple]) -> list:
    given = Parallel(**options)
    with hired(given, len(jobs)) as number:
        return list(results(given, function, jobs, number))


def test_machines_of_the_cluster_do_the_work(cluster):
    found = work(cluster, whose, [(number,) for number in range(7)])
    assert sorted(number for number, _ in found) == list(range(7))
    assert os.getpid() not in {process for _, process in found}
    assert not work(cluster, whose, [])


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


def test_a_worker_that_dies_again_and_again_is_told_in_words(cluster):
    with pytest.raises(DancegenError, match="a worker died again and again"):
        work(cluster, vanish, [()])


def test_a_job_that_its_workers_die_of_costs_no_other(cluster):
    heard, jobs = Listener(), [(0,), ("die",), ("raise",), (3,)]
    found = list(one_by_one("Working", deadly, jobs, Parallel(**cluster), heard))
    assert [job for job, _ in found] == [0, "die", "raise", 3]
    assert (found[0][1], found[1][1], found[3][1]) == (0, KILLED, 3)
    assert "ZeroDivisionError" in found[2][1].reason
    assert any("is tried again, one at a time" in said for said in heard.said)


def test_videos_are_cut_as_in_one_process(cluster, tmp_path):
    sources = [film(tmp_path / f"{name}.mp4", np.arange(60 + name) / 25) for name in range(2)]
    one = prepare(sources, workers=1, store=tmp_path / "one")
    two = prepare(sources, **cluster, store=tmp_path / "cluster")
    assert (two.digest, two.content) == (one.digest, one.content) and not two.cached
    kept = [
        {each.digest: each.content for each in open_store(tmp_path / name).artifacts(CUTTING)}
        for name in ("one", "cluster")
    ]
    assert len(kept[0]) == 2 and kept[0] == kept[1]


def test_motion_is_paired_as_in_one_process(cluster, tmp_path):
    takes, music = tmp_path / "takes", tmp_path / "music"
    for place in (takes, music):
        place.mkdir()
    write_dancer(takes / "60_01.bvh")
    write_click(music / "click.wav", 120)
    given = {"music": music, "pairs": 1, "clip_seconds": 3.0}
    one = prepare(takes, **given, workers=1, store=tmp_path / "one")
    two = prepare(takes, **given, **cluster, store=tmp_path / "two")
    assert two.content == one.content and not two.cached


def test_dancers_are_found_as_by_one_process(cluster, tmp_path, shared_data, shared_weights):
    muse = shared_data / "video" / "musepose_dance.mp4"
    shots = {"early": Shot(muse, 1.0, 1.2, 10.0), "late": Shot(muse, 7.0, 1.2, 10.0)}
    here, there = open_store(tmp_path / "here"), open_store(tmp_path / "there")
    dataset = filmed_dataset(here, shots)
    place = there.places.artifact("prepare", dataset.digest)
    shutil.copytree(dataset.path, place)
    given = {
        "detector": str(shared_weights / "openpose-mobilenet-thin.pb"), "min_seconds": 1.0, "device": "cpu",
    }  # fmt: skip
    one = extract_poses(dataset, **given, workers=1, store=here)
    two = extract_poses(str(place), **given, **cluster, store=there)
    assert two.content == one.content and two.summary["clips_detected"] == 2
    kept = [{each.digest: each.content for each in store.artifacts(DETECTION)} for store in (here, there)]
    assert kept[0] == kept[1]


def test_without_an_address_the_cores_of_this_machine_are_used_and_nothing_stays_behind(tmp_path):
    """The command as a person gives it, in a process of its own."""
    pytest.importorskip("ray")
    path = film(tmp_path / "a.mp4", np.arange(60) / 25)
    words = ("-m", "dancegen", "prepare", path, "--backend", "ray", "--store", tmp_path / "store")
    ended = run_python(*words, timeout=240, RAY_ADDRESS="local")
    assert ended.returncode == 0, ended.stderr
    assert len(open_store(tmp_path / "store").artifacts(CUTTING)) == 1
    assert "Traceback" not in ended.stderr and "ray." not in ended.stderr.lower(), ended.stderr


def test_a_machine_that_is_busy_when_ray_begins_is_tried_again(monkeypatch):
    ray = pytest.importorskip("ray")
    tried, begun = [], ray.init

    def busy_at_first(*words, **given):
        tried.append(given)
        if len(tried) == 1:
            raise Exception("The current node timed out during startup.")
        return begun(*words, **given, num_cpus=1)

    monkeypatch.setattr(ray, "init", busy_at_first)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    ray.shutdown()
    try:
        assert [number for number, _ in work({"backend": "ray"}, whose, [(1,), (2,)])] == [1, 2]
    finally:
        ray.shutdown()
    assert len(tried) == 2


def test_where_no_cluster_answers_that_is_said_at_once(tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = film(tmp_path / "a.mp4", np.arange(60) / 25)
    words = ("-m", "dancegen", "prepare", path, "--backend", "ray", "--scheduler", f"127.0.0.1:{port}")
    ended = run_python(*words, "--store", tmp_path / "store")
    assert ended.returncode == 2 and f"--scheduler 127.0.0.1:{port}: no Ray cluster answers there" in ended.stderr


def test_without_ray_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"--backend ray needs Ray: pip install 'dancegen\[ray\]'"):
        work({"backend": "ray"}, whose, [(1,)])


def test_machines_with_another_dancegen_are_named():
    check_versions("ray", {})
    with pytest.raises(InputError, match=r"--backend ray: 1 of 1 workers .*10\.0\.0\.7:1 has no dancegen, and this is"):
        check_versions("ray", {"10.0.0.7:1": ModuleNotFoundError("dancegen")})
