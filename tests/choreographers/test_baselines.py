"""Baselines: real clips, played the way their names say, for exactly as long as the song."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.choreographers import BASELINE, BASELINES, choose_model
from dancegen.choreographers.baselines.choreographer import Baseline, Sounds, _blended
from dancegen.dataset.format import read_clips, write_clips
from dancegen.errors import InputError, ModelError, NotFoundError
from dancegen.pose.sequence import PoseSequence
from dancegen.store import open_store
from helpers.tiny_gan import pose_dataset, song, ticking

KINDS = [name.removeprefix(BASELINE) for name in BASELINES]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Seven clips of 3 s, each with its own beat; copied out of the store so that tests may rename songs."""
    import shutil
    from dataclasses import replace

    made = pose_dataset(open_store(tmp_path_factory.mktemp("store")))
    root = tmp_path_factory.mktemp("dataset") / "poses"
    shutil.copytree(made.path, root)
    (root / "clips.jsonl").unlink()
    write_clips(root, [replace(clip, song=f"song{i % 3}") for i, clip in enumerate(read_clips(made))])
    return root


def danced(kind, dataset, features, **options) -> PoseSequence:
    return PoseSequence.concatenate(Baseline(BASELINE + kind, dataset).choreograph(features, **options))


def played(dance: PoseSequence, dataset) -> list[str]:
    """Which clip each four frames are from, "" where two are blended."""
    clips = {c.id: PoseSequence.load(dataset / "clips" / c.id / "a000" / "poses.npz") for c in read_clips(dataset)}
    windows = {name: np.lib.stride_tricks.sliding_window_view(c.keypoints, 4, axis=0) for name, c in clips.items()}
    found = []
    for moment in np.lib.stride_tricks.sliding_window_view(dance.keypoints, 4, axis=0):
        errors = {name: np.abs(clip - moment).max(axis=(1, 2, 3)).min() for name, clip in windows.items()}
        name = min(errors, key=errors.get)
        found.append(name if errors[name] < 1.5 else "")
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fps, seconds", [(30.0, 7.0), (24.0, 2.3)])
def test_a_baseline_dances_to_the_songs_end_the_same_for_a_seed(kind, fps, seconds, dataset):
    features = song(seconds, start_s=5.0)
    dance = danced(kind, dataset, features, seed=1, fps=fps, size=(128, 96))
    assert (len(dance), dance.fps, dance.size, dance.start_s) == (round(seconds * fps), fps, (128, 96), 5.0)
    again = danced(kind, dataset, features, seed=1, fps=fps, size=(128, 96))
    assert np.array_equal(again.keypoints, dance.keypoints)
    assert (dance.keypoints[..., 0].max() < 128) and (dance.keypoints[:, 1:14, 2] > 0).all()


def test_freeze_holds_one_real_pose(dataset):
    dance = danced("freeze", dataset, song(8.0))
    assert np.ptp(dance.keypoints, axis=0).max() == 0
    firsts = [
        PoseSequence.load(dataset / "clips" / clip.id / "a000" / "poses.npz").keypoints[0]
        for clip in read_clips(dataset)
        if clip.split == "train"
    ]
    assert min(np.abs(first - dance.keypoints[0]).max() for first in firsts) < 1e-2


def test_random_plays_training_clips_in_an_order_that_the_seed_chooses(dataset):
    orders = [list(dict.fromkeys(filter(None, played(danced("random", dataset, song(14.0), seed=s), dataset))))
              for s in (0, 1)]  # fmt: skip
    assert orders[0] != orders[1] and all(len(order) == 5 for order in orders)
    held_out = {clip.id for clip in read_clips(dataset) if clip.split == "val"}
    assert not held_out & {*orders[0], *orders[1]}


def test_any_number_is_a_seed(dataset):
    assert len(danced("random", dataset, song(2.0), seed=-1)) == 60


def test_shuffle_plays_one_other_song(dataset):
    songs = {clip.id: clip.song for clip in read_clips(dataset)}
    own = next(clip for clip in read_clips(dataset) if clip.song == "song1")
    features = song(6.0)
    heard = np.load(dataset / "clips" / own.id / "mel.npy").astype(np.float32)
    features = type(features)(heard, features.onset, features.beats, features.seconds, features.start_s)
    for seed in range(4):
        names = [name for name in played(danced("shuffle", dataset, features, seed=seed), dataset) if name]
        assert "song1" not in {songs[name] for name in names} and len(names) > 150
        assert len({songs[name] for name in names[:70]}) == 1  # one other song, until there is no more of it


def test_copy_plays_the_clip_whose_music_it_hears(dataset):
    clips = [clip for clip in read_clips(dataset) if clip.split == "train"]
    sounds = Sounds(dataset, clips)
    for clip in clips:
        mel = np.load(dataset / "clips" / clip.id / "mel.npy")
        assert sounds.nearest(mel).id == clip.id
    features = song(3.0, beat_s=0.45)
    features = type(features)(ticking(3.0, 0.45, first=0.3), *list(vars(features).values())[1:])
    names = played(danced("copy", dataset, features), dataset)[:75]  # before it hears the song's last quarter second
    assert names.count("c01") > 0.9 * len(names)  # where it turns back, another clip may look the same


def test_clips_meet_without_a_jump():
    pieces = [np.full((20, 18, 3), value, np.float32) for value in (1, 2, 1)]
    joined = np.concatenate(list(_blended(iter(pieces), 8)))
    assert len(joined) == 20 + 12 + 4 and np.abs(np.diff(joined[:, 0, 0])).max() < 0.15
    pieces[1][:, 3] = 0  # a joint that only the others show
    joined = np.concatenate(list(_blended(iter(pieces), 8)))
    assert set(np.unique(joined[:, 3, 2])) <= {0.0, 1.0}


def test_a_baseline_without_a_dataset_says_what_to_do(tmp_path, dataset):
    store = open_store(tmp_path)
    with pytest.raises(InputError, match=r"baseline:copy dances with the clips.*dancegen extract-poses"):
        choose_model("baseline:copy", store, lambda: store.newest("extract-poses"))
    with pytest.raises(InputError, match="baseline:copy dances with the clips"):
        choose_model(Path("baseline:copy"), store, lambda: store.newest("extract-poses"))
    with pytest.raises(ModelError, match="baseline:freeze, baseline:random"):
        choose_model("baseline:polka", store, lambda: store.newest("extract-poses"))
    (tmp_path / "clips.jsonl").write_text("")
    with pytest.raises(InputError, match="no poses to dance with"):
        Baseline("baseline:freeze", tmp_path)
    with pytest.raises(NotFoundError):
        Baseline("baseline:freeze", tmp_path / "nowhere")
