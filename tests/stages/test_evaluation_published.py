"""evaluate --protocol aist: the published figures, of recordings, of models and of dances in the store."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen import evaluate, generate_poses, prepare
from dancegen.errors import InputError
from dancegen.metrics.published.kinetic import kinetic_features
from dancegen.metrics.published.protocol import PublishedDance, RealDances, figures
from dancegen.metrics.published.scores import frechet_distance
from dancegen.motion.body import AT
from dancegen.motion.readers.smpl import OFFSETS, read_smpl
from dancegen.store import open_store
from helpers.processes import run
from helpers.songs import write_song
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import saved_model, stepping
from helpers.tiny_gan import tiny_model

FPS = 60.0


def smpl(seed: int, frames: int = 240) -> dict[str, np.ndarray]:
    """AMASS's arrays of a body that sways its arms and legs, each body in its own way."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames)[:, None, None] / FPS
    rate, phase = rng.uniform(2, 7, (1, 24, 3)), rng.uniform(0, 6, (1, 24, 3))
    poses = rng.uniform(0.05, 0.4, (1, 24, 3)) * np.sin(rate * times + phase)
    poses[:, [AT["pelvis"], AT["spine1"], AT["spine2"], AT["spine3"], AT["neck"]]] *= 0.2
    poses[:, AT["l_shoulder"], 2] -= 1.1
    poses[:, AT["r_shoulder"], 2] += 1.1
    trans = np.stack([0.2 * np.sin(times[:, 0, 0]), np.full(frames, 0.95), 0.1 * times[:, 0, 0]], axis=1)
    return {"poses": poses.reshape(frames, 72), "trans": trans, "mocap_framerate": np.float64(FPS)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("published")
    for folder, seeds in (("made", range(3)), ("real", range(10, 15))):
        (place / folder).mkdir()
        for seed in seeds:
            np.savez(place / folder / f"take{seed}.npz", **smpl(seed))
    return place


@pytest.fixture(scope="module")
def store(place):
    return open_store(place / "store")


def rows(artifact) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(artifact.file("metrics.json").read_text())["rows"]}


def notes(artifact) -> list[str]:
    return json.loads(artifact.file("metrics.json").read_text())["notes"]


def test_recordings_are_measured_as_the_functions_measure_their_joints(place, store):
    found = rows(evaluate([place / "made"], protocol="aist", reference=place / "real", store=store))
    made, real = ([PublishedDance.of(read_smpl(path)) for path in sorted((place / name).iterdir())] for name in
                  ("made", "real"))  # fmt: skip
    expected = figures(made, RealDances.of(real))
    assert found["made"]["fid_k"] == pytest.approx(expected["fid_k"], abs=1e-3)
    sets = [np.stack([kinetic_features(dance.joints) for dance in each]) for each in (made, real)]
    assert expected["fid_k"] == pytest.approx(frechet_distance(*sets)) and expected["fid_k"] > 1
    assert found["made"]["dances"] == 3 and found["real dance"]["dances"] == 5
    assert found["made"]["bas"] is None, "no music is known of them"
    assert "only 3 dances" in found["made"]["notes"][0] and "music" in found["made"]["notes"][1]


def test_real_dance_is_at_no_distance_from_itself(place, store):
    found = rows(evaluate([place / "real"], protocol="aist", reference=place / "real", store=store))
    assert found["real"]["fid_k"] == pytest.approx(0, abs=1e-6)
    assert found["real"]["div_g"] == pytest.approx(found["real dance"]["div_g"])


def test_a_dance_of_the_store_is_held_against_a_prepared_dataset(place, store):
    song = write_song(place / "song.wav", 8.0, bpm=120)
    (place / "takes").mkdir()
    for number in range(2):
        write_dancer(place / "takes" / f"take{number}.bvh", step_s=0.4 + 0.1 * number)
    dataset = prepare(place / "takes", music=song, pairs=1, clip_seconds=3, workers=1, store=store)
    model = saved_model(place / "dancer")
    dance = generate_poses(song, model=model, canvas="64x64", store=store)
    made = evaluate([dance, model], protocol="aist", songs=song, reference=dataset, seconds=5, store=store)
    found = rows(made)
    assert len(found) == 3 and 0 <= found["dancer"]["bas"] <= 1
    assert any(
        "for figures beside a paper's" in note for note in json.loads(made.file("metrics.json").read_text())["notes"]
    )
    page = made.file("report.html").read_text(encoding="utf-8")
    assert "Bailando" in page and "dancer" in page and "http" not in page
    said = run("evaluate", dance.path, "--protocol", "aist", "--reference", dataset.path, "--store", store.root)
    assert said.returncode == 0 and "PFC" in said.stdout and "FID_k" not in said.stdout, "of one dance there is none"


def test_dances_to_one_song_have_its_beats_tracked_once(place, store, tmp_path):
    (tmp_path / "music").mkdir()
    write_song(tmp_path / "music" / "mBR0.wav", 8.0, bpm=110)
    for number in range(2):
        np.savez(tmp_path / f"gBR_sBM_cAll_d04_mBR0_ch0{number + 1}.npz", **smpl(number))
    before = len(list(store.root.glob("track-beats/*")))
    made = evaluate([tmp_path], protocol="aist", reference=place / "real", store=store)
    dances = json.loads(made.file("metrics.json").read_text())["dances"]
    for key in ("bas", "beat_coverage", "beat_precision"):
        assert len(dances) == 2 and all(0 <= dance[key] <= 1 for dance in dances), key
    assert not [note for row in rows(made).values() for note in row["notes"] if "music" in note]
    said = run("evaluate", tmp_path, "--protocol", "aist", "--reference", place / "real", "--store", store.root)
    assert said.returncode == 0 and "cover" in said.stdout and "precise" in said.stdout
    assert len(list(store.root.glob("track-beats/*"))) == before + 1


def test_a_damaged_recording_is_named_and_the_others_are_measured(place, store, tmp_path):
    for number in range(2):
        np.savez(tmp_path / f"good{number}.npz", **smpl(number))
    broken = smpl(7)
    broken["poses"][5, 3] = np.nan
    np.savez(tmp_path / "broken.npz", **broken)
    made = evaluate([tmp_path], protocol="aist", reference=place / "real", store=store)
    assert [note for note in notes(made) if "broken.npz" in note and "left out" in note]
    assert rows(made)[tmp_path.name]["dances"] == 2


def test_what_dances_in_pictures_is_refused_before_it_dances(place, store):
    model = tiny_model(place / "flat")
    with pytest.raises(InputError, match="dances in the plane"):
        evaluate([model], protocol="aist", reference=place / "real", store=store)
    with pytest.raises(InputError, match="joints in space"):
        evaluate(["baseline:copy"], protocol="aist", reference=place / "real", store=store)


def test_real_dance_has_to_be_named(place, store):
    with pytest.raises(InputError, match="--reference"):
        evaluate([place / "made"], protocol="aist", store=store)


def test_a_dance_of_another_body_is_done_by_smpls():
    dance = stepping()
    joints = PublishedDance.of(dance).joints
    thigh = np.linalg.norm(joints[:, AT["l_knee"]] - joints[:, AT["l_hip"]], axis=-1)
    assert thigh == pytest.approx(np.full(len(joints), np.linalg.norm(OFFSETS[AT["l_knee"]])))
    ours = dance.resample(60).positions
    for child, parent in (("l_wrist", "l_elbow"), ("r_ankle", "r_knee")):
        one, other = (each[:, AT[child]] - each[:, AT[parent]] for each in (joints, ours))
        cosine = (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
        assert cosine.min() > 0.9999


def test_long_dances_count_as_several_of_twenty_seconds():
    long = PublishedDance(np.zeros((60 * 45, 24, 3)), np.arange(0, 60 * 45, 30))
    pieces = long.pieces()
    assert [len(piece.joints) for piece in pieces] == [1200, 1200]
    assert pieces[1].beats.tolist() == pieces[0].beats.tolist() == list(range(0, 1200, 30))
    assert [len(piece.joints) for piece in PublishedDance(np.zeros((300, 24, 3))).pieces()] == [300]
