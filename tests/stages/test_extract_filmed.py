"""extract-poses of filmed dances: each clip is looked at once, whatever happens, and its pieces become clips."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest

from dancegen import extract_poses, plan
from dancegen.cli import main
from dancegen.dataset.format import clip_dir, clip_kind, load_mel, poses_path, read_clips, write_clips
from dancegen.detectors.openpose.detector import BATCH
from dancegen.errors import InputError
from dancegen.pose.detections import Detections
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.detect_people import FILE, STAGE, even_threads
from dancegen.store import Recipe, open_store
from dancegen.video import VideoFile
from helpers.clusters import dask_workers_that_die_of_some_videos, flags, two_dask_workers
from helpers.filmed_clips import Shot, filmed_dataset
from helpers.processes import start, wait_until

GIVEN = {"min_seconds": 1.0, "device": "cpu"}


@pytest.fixture(scope="module")
def shots(shared_data) -> dict[str, Shot]:
    """Ten pictures a second of real dancers, small enough to be looked at in a moment."""
    video = shared_data / "video"
    muse = video / "musepose_dance.mp4"
    return {
        "high": Shot(video / "d2mgan_D2M_high1.mp4", 0.2, 1.2, 10.0),
        "early": Shot(muse, 1.0, 1.2, 10.0),
        "middle": Shot(muse, 4.0, 1.2, 10.0),
        "late": Shot(muse, 7.0, 1.5, 10.0),
    }


@pytest.fixture(scope="module")
def given(shared_weights) -> dict:
    """What extract-poses is told in these tests."""
    return GIVEN | {"detector": str(shared_weights / "openpose-mobilenet-thin.pb")}


@pytest.fixture(scope="module")
def alone(shots, given, tmp_path_factory):
    """What one process makes of all of them."""
    store = open_store(tmp_path_factory.mktemp("alone"))
    dataset = filmed_dataset(store, shots)
    return dataset, extract_poses(dataset, **given, workers=1, store=store)


def copied(dataset, store):
    """The same dataset in a store that has nothing else."""
    place = store.places.artifact("prepare", dataset.digest)
    shutil.copytree(dataset.path, place)
    return str(place)


def test_every_filmed_clip_has_poses_and_its_music(alone, shots):
    dataset, made = alone
    clips = read_clips(made)
    assert {clip.take for clip in clips} == set(shots)
    for clip in clips:
        poses = PoseSequence.load(poses_path(made.path, clip, "video"))
        assert (len(poses), poses.fps, poses.size) == (round(clip.seconds * clip.fps), clip.fps, (512, 512))
        assert clip_kind(made.path, clip) == "poses"
        body = poses.keypoints[:, 1:14]
        seen = body[..., 2] > 0
        height = np.ptp(body[seen, 1])
        assert seen.mean() > 0.9 and 100 < height < 400
        assert len(load_mel(made.path, clip)) == pytest.approx(clip.seconds * 90, abs=1)
        assert (clip_dir(made.path, clip) / "audio.flac").is_file()
        assert not (clip_dir(made.path, clip) / "frames.mp4").exists()
    assert made.summary["detector"] == "openpose" and made.summary["views"] == ["video"]
    assert made.summary["clips_filmed"] == made.summary["clips_detected"] == 4
    shown = {clip.id: clip for clip in read_clips(dataset)}
    assert all(clip.split == shown[clip.take].split for clip in clips)


def test_what_is_seen_in_a_clip_is_kept_as_an_artifact_of_its_own(alone):
    dataset, _ = alone
    store = open_store(dataset.path.parents[1])
    kept = store.artifacts(STAGE)
    assert len(kept) == 4
    for artifact in kept:
        found = Detections.load(artifact.file(FILE))
        assert len(found) == artifact.summary["frames"] and found.detector == "openpose"
    # It was made on the way: the newest is of what a person asked for.
    assert not store.places.newest(STAGE).exists()


def test_other_cleaning_and_another_canvas_look_at_nothing_again(alone, given):
    dataset, made = alone
    store = open_store(dataset.path.parents[1])
    other = extract_poses(dataset, **given | {"smooth": 0.3}, canvas="256x256", workers=1, store=store)
    assert other.digest != made.digest and other.summary["clips_detected"] == 0
    assert len(store.artifacts(STAGE)) == 4


@pytest.mark.slow
def test_of_an_added_video_only_its_own_pictures_are_looked_at(alone, shots, shared_data, given):
    dataset, _ = alone
    store = open_store(dataset.path.parents[1])
    new = Shot(shared_data / "video" / "musepose_dance.mp4", 9.0, 1.2, 10.0)
    larger = filmed_dataset(store, shots | {"added": new})
    foretold = plan("extract-poses", larger, **given, store=store)
    assert foretold.work[0] == "4 of 5 filmed clips have been looked at by openpose already"
    assert foretold.work[1].startswith("12 pictures are left")
    made = extract_poses(larger, **given, workers=1, store=store)
    assert (made.summary["clips_filmed"], made.summary["clips_detected"]) == (5, 1)
    assert plan("extract-poses", larger, **given, store=store).work == ()


@pytest.mark.slow
def test_two_processes_give_the_bytes_of_one(alone, tmp_path, given):
    dataset, one = alone
    store = open_store(tmp_path / "two")
    two = extract_poses(copied(dataset, store), **given, workers=2, store=store)
    assert two.content == one.content and two.summary["clips_detected"] == 4


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_one_process(alone, tmp_path, given):
    dataset, one = alone
    store = open_store(tmp_path / "cluster")
    with two_dask_workers() as workers:
        two = extract_poses(copied(dataset, store), **given, **workers, store=store)
    assert two.content == one.content and two.summary["clips_detected"] == 4
    kept = {artifact.digest: artifact.content for artifact in open_store(dataset.path.parents[1]).artifacts(STAGE)}
    assert {each.digest: each.content for each in store.artifacts(STAGE)}.items() <= kept.items()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_kill_only_what_is_missing_is_looked_at(workers, alone, tmp_path, given):
    dataset, one = alone
    store = open_store(tmp_path / "killed")
    place = copied(dataset, store)
    words = ["extract-poses", place, "--detector", given["detector"], "--min-seconds", "1", "--device", "cpu"]
    process = start(*words, "--workers", workers, "--store", store.root)
    wait_until(lambda: list((store.root / STAGE).glob("[0-9a-f]*")), "the first clip", process=process, seconds=180)
    process.kill()
    process.wait()  # its workers hold its pipes for a while
    first = {artifact.digest: artifact.created for artifact in store.artifacts(STAGE)}
    assert first and not store.artifacts("extract-poses")
    made = extract_poses(place, **given, workers=1, store=store)
    after = {artifact.digest: artifact.created for artifact in store.artifacts(STAGE)}
    assert len(after) == 4 and first.items() <= after.items()
    # Workers of the killed command may have finished a clip after it.
    assert made.summary["clips_detected"] <= 4 - len(first)
    assert made.content == one.content


def test_the_bits_of_a_network_do_not_depend_on_the_number_of_workers():
    """A layer that enlarges heatmaps, as pose networks have it, on what each of several workers may use."""
    import torch

    before = torch.get_num_threads()
    layer, maps = torch.nn.ConvTranspose2d(256, 128, 4, 2, 1), torch.randn(2, 256, 16, 12)
    try:
        with torch.no_grad():
            found = []
            for cores in (1, 2, 3, 4, 5):
                torch.set_num_threads(even_threads(cores))
                found.append(layer(maps))
    finally:
        torch.set_num_threads(before)
    assert [even_threads(cores) for cores in (1, 2, 3, 4, 5, 8, 12)] == [1, 2, 2, 4, 4, 8, 8]
    assert all(torch.equal(each, found[0]) for each in found)


def test_where_nobody_is_to_be_seen_the_reason_is_told(tmp_path, shared_data, given):
    from dancegen.video.writer import VideoWriter

    store = open_store(tmp_path / "store")
    with VideoWriter(tmp_path / "empty.mp4", (64, 64), 10) as out:
        for _ in range(15):
            out.write(np.full((64, 64, 3), 90, np.uint8))
    dataset = filmed_dataset(store, {"empty": Shot(tmp_path / "empty.mp4", 0.0, 1.5, 10.0)})
    with pytest.raises(InputError, match=r"no dance can be used: .*empty"):
        extract_poses(dataset, **given, workers=1, store=store)
    assert len(store.artifacts(STAGE)) == 1 and not store.artifacts("extract-poses")


def test_a_damaged_video_is_left_out_and_named(alone, tmp_path, capfd, given):
    """A dataset that was damaged before it came into the store: its hashes are those of the damaged file."""
    dataset, _ = alone
    store = open_store(tmp_path / "store")

    def build(directory: Path) -> dict:
        shutil.copytree(dataset.path / "clips", directory / "clips")
        write_clips(directory, read_clips(dataset))
        video = directory / "clips" / "early" / "frames.mp4"
        video.write_bytes(video.read_bytes()[:2000])
        return {}

    broken = store.obtain(Recipe("prepare", 5, {"damaged": True}), build)
    words = ["extract-poses", str(broken.path), "--detector", given["detector"], "--min-seconds", "1", "--workers", "1"]
    assert main([*words, "--device", "cpu", "--store", str(store.root)]) == 3
    assert "early" in capfd.readouterr().err
    (made,) = store.artifacts("extract-poses")
    assert {clip.take for clip in read_clips(made)} == {"high", "middle", "late"}
    assert made.summary["left_out"][0].startswith("early: ") and not (made.path / "clips" / "early").exists()


def test_options_that_cannot_act_change_no_digest(alone, own_store, given):
    from dancegen import prepare
    from helpers.songs import write_click
    from helpers.stepping_dancer import write_dancer

    dataset, made = alone
    store = open_store(dataset.path.parents[1])
    assert extract_poses(dataset, **given, views="0,7", workers=1, store=store).digest == made.digest
    own_store.mkdir()
    write_dancer(own_store / "one.bvh")
    write_click(own_store / "click.wav", 120)
    moved = prepare(own_store / "one.bvh", music=own_store / "click.wav", pairs=1, clip_seconds=3, workers=1)
    plain = extract_poses(moved, views="0", workers=1)
    assert extract_poses(moved, views="0", workers=1, detector=given["detector"], smooth=0.5, hands=True).cached
    assert "detector" not in plain.summary and "rejected" not in plain.summary


@pytest.mark.slow
def test_a_clip_that_the_workers_of_a_cluster_die_of_is_left_out_and_named(tmp_path, shared_data, given, capfd):
    store, muse = open_store(tmp_path / "store"), shared_data / "video" / "musepose_dance.mp4"
    shots = {"deadly": Shot(muse, 1.0, 1.2, 10.0), "good": Shot(muse, 4.0, 1.2, 10.0)}
    dataset = filmed_dataset(store, shots)
    words = ["extract-poses", str(dataset.path), "--detector", given["detector"], "--min-seconds", "1"]
    with dask_workers_that_die_of_some_videos() as workers:
        assert main([*words, "--device", "cpu", *flags(workers), "--store", str(store.root)]) == 3
    assert "left out: deadly: the process that worked on it was ended" in capfd.readouterr().err
    (made,) = store.artifacts("extract-poses")
    assert {clip.take for clip in read_clips(made)} == {"good"}
    assert not list((made.path / "clips").glob("deadly*"))


def test_of_a_clip_no_more_pictures_are_in_memory_than_two_batches(tmp_path, shared_data, given, monkeypatch):
    alive, most = [0], [0]
    frames = VideoFile.frames

    def gone() -> None:
        alive[0] -= 1

    def counted(self, *arguments, **keywords):
        for picture in frames(self, *arguments, **keywords):
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            weakref.finalize(picture, gone)
            yield picture

    store, shot = open_store(tmp_path / "store"), Shot(shared_data / "video" / "musepose_dance.mp4", 1.0, 4.0, 10.0)
    dataset = filmed_dataset(store, {"muse": shot})
    monkeypatch.setattr(VideoFile, "frames", counted)
    extract_poses(dataset, **given, workers=1, store=store)
    few = 2 * BATCH["cpu"]  # the pictures that were looked at, and the next ones
    assert 1 <= most[0] <= few < 40
