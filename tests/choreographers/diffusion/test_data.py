"""What the diffusion family learns from: motion in space, turned as its source says; and what it has to leave out."""

from __future__ import annotations

import pickle
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dancegen import prepare
from dancegen.arrays import unit
from dancegen.audio.beats import Beats
from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.data import Windows, between, between_rows, body_of, load_motions, train_clips
from dancegen.dataset.format import FRAMES_FILE, MOTION_FILE, clip_dir, read_clips
from dancegen.errors import InputError
from dancegen.motion.body import AT, NAMES, PARENTS, TURNING
from dancegen.motion.readers.smpl import OFFSETS
from dancegen.motion.retarget import DOWN, LEFT, retarget
from dancegen.motion.rotations import from_6d, swing
from dancegen.progress import SILENT
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.posed_body import one_after_another, posed
from helpers.songs import write_click
from helpers.tiny_diffusion import CONFIG, clips

FPS, SECONDS = 60, 8.0
LIMBS = {"l_shoulder": LEFT, "r_elbow": -LEFT, "l_hip": DOWN, "r_hip": DOWN, "l_knee": DOWN}
CHILDREN = {"l_shoulder": "l_elbow", "r_elbow": "r_wrist", "l_hip": "l_knee", "r_hip": "r_knee", "l_knee": "l_ankle"}


def smpl_poses(first: float) -> np.ndarray:
    """(T, 24, 3) axis-angle of a dancer who steps, bends the elbows, and turns thighs and forearms in and out."""
    times = np.arange(round(FPS * SECONDS)) / FPS + first
    turns = {
        "pelvis": ("y", 15 * np.sin(2 * times)),
        "l_shoulder": ("xz", np.stack([35 * np.sin(3 * times), -50 - 15 * np.sin(2 * times)], 1)),
        "r_shoulder": ("z", 50 + 15 * np.sin(2 * times)),
        "r_elbow": ("xy", np.stack([40 * np.sin(4 * times), 45 + 0 * times], 1)),
        "l_hip": ("yx", np.stack([40 * np.sin(3 * times), -20 - 20 * np.sin(2 * times)], 1)),
        "r_hip": ("yx", np.stack([-30 + 0 * times, -20 + 20 * np.sin(2 * times)], 1)),
        "l_knee": ("x", 35 + 30 * np.sin(2 * times)),
        "r_knee": ("x", 35 - 30 * np.sin(2 * times)),
    }
    poses = np.zeros((len(times), 24, 3))
    for name, (axes, degrees) in turns.items():
        poses[:, AT[name]] = Rotation.from_euler(axes, degrees.reshape(len(times), -1), degrees=True).as_rotvec()
    return poses


@pytest.fixture(scope="module")
def aist(tmp_path_factory):
    """A store with a dataset of two sequences in AIST++'s format, and what they were made of, by performance."""
    folder = tmp_path_factory.mktemp("aist")
    (folder / "motions").mkdir()
    (folder / "music").mkdir()
    write_click(folder / "music" / "mBR0.wav", 120, SECONDS + 1)
    made = {}
    for number, name in enumerate(("gBR_sBM_cAll_d04_mBR0_ch01", "gBR_sBM_cAll_d05_mBR0_ch02")):
        poses = made[name] = smpl_poses(0.6 * number)
        places = np.tile([0.0, 0.93 * 95, 0.0], (len(poses), 1)).astype(np.float32)
        kept = {"smpl_poses": poses.reshape(-1, 72), "smpl_trans": places, "smpl_scaling": np.array([95])}
        (folder / "motions" / f"{name}.pkl").write_bytes(pickle.dumps(kept))
    store = open_store(tmp_path_factory.mktemp("store"))
    dataset = prepare([folder / "motions"], clip_seconds=4.0, val_fraction=0.4, workers=1, store=store)
    return store, dataset, made


def in_the_room(poses: np.ndarray, name: str) -> np.ndarray:
    """(T, 3, 3): how SMPL turns a limb in the room, from the T-pose in which it points along `LIMBS`."""
    local, turned, joint = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3), None, AT[name]
    while joint >= 0:
        turned = local[:, joint] if turned is None else local[:, joint] @ turned
        joint = PARENTS[joint]
    return turned @ swing(LIMBS[name], unit(OFFSETS[AT[CHILDREN[name]]]))


def degrees_apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.rad2deg(Rotation.from_matrix(np.swapaxes(one, -1, -2) @ other).magnitude())


def test_the_rotations_of_aistpp_are_what_is_learnt(aist):
    _, dataset, made = aist
    heard = Listener()
    motions = load_motions(dataset.path, "train", heard)
    assert heard.said == [f"train: {len(motions)} clips, 8.0 s: {len(motions)} of motion capture; "
                          "all with the rotations of their own bones"]  # fmt: skip
    body = body_of(motions)
    for (clip, motion), learnt in zip(motions, train_clips(dataset.path, motions, body, CONFIG, SILENT), strict=True):
        turns = from_6d(learnt.features[0][:, f.TURNS].reshape(-1, len(TURNING), 6))
        times = np.rint((clip.start + np.arange(len(turns)) / CONFIG.window.fps) * FPS).astype(int)
        guessed = retarget(motion.resample(CONFIG.window.fps), body).orientations[:, TURNING]
        for name in LIMBS:
            at = TURNING.index(AT[name])
            wanted = in_the_room(made[clip.take], name)[np.minimum(times, len(made[clip.take]) - 1)]
            assert np.median(degrees_apart(turns[:, at], wanted)) < 3, name
            if name != "l_knee":  # which does not turn about its own length
                assert np.percentile(degrees_apart(guessed[:, at], wanted), 90) > 15, name


def test_joints_are_where_they_are_without_rotations(aist):
    _, dataset, _ = aist
    motions = load_motions(dataset.path, "train", SILENT)
    body = body_of(motions)
    (learnt, *_) = train_clips(dataset.path, motions, body, CONFIG, SILENT)
    plain = retarget(motions[0][1].resample(CONFIG.window.fps), body)
    found = f.decode(learnt.features[0], body, CONFIG.window.fps)
    assert np.abs(found.positions - plain.positions).max() < 1e-3
    mirrored = f.decode(learnt.features[1], body, CONFIG.window.fps)
    swapped = [AT[{"l_": "r_", "r_": "l_"}.get(n[:2], n[:2]) + n[2:]] for n in NAMES]
    assert np.abs(mirrored.positions[:, swapped] * (-1, 1, 1) - plain.positions).max() < 1e-3


def test_floor_moves_are_left_out_and_said(aist):
    _, dataset, _ = aist
    motions, heard = load_motions(dataset.path, "train", SILENT), Listener()
    fps, window = CONFIG.window.fps, CONFIG.window.frames
    clip = motions[0][0]
    arms_down = {"l_shoulder": (0, 0, -80), "r_shoulder": (0, 0, 80)}
    upside_down = {"pelvis": (180, 0, 0), "l_shoulder": (0, 0, 88), "r_shoulder": (0, 0, -88)}
    stands = posed(arms_down, 2 * window, fps)
    danced = one_after_another([stands, posed(upside_down, window, fps), stands]).motion()
    learnt = train_clips(dataset.path, [(clip, danced)], body_of(motions), CONFIG, heard)
    (warned,) = heard.warned
    assert re.match(r"train: left out are [\d.]+ s of floor moves", warned)
    assert len(learnt) == 2 and len({part.id for part in learnt}) == 2
    whole = train_clips(dataset.path, [(clip, stands.motion())], body_of(motions), CONFIG, heard)
    assert len(heard.warned) == 1 and whole[0].id == clip.id
    for part in learnt:
        assert window <= len(part) < 2 * window and part.features.shape[1] == len(part.speed) == len(part)
        assert (part.features[:, :, 1] > 0.5).all(), "what is left stands"
    first, second = learnt
    gap = len(danced) - len(second)
    heard_beats = Beats.load(clip_dir(dataset.path, clip) / "beats.json").times_s
    assert np.allclose(
        second.beats.times_s, heard_beats[heard_beats >= gap / fps][: len(second.beats.times_s)] - gap / fps
    )
    assert (first.beats.times_s < len(first) / fps).all()
    upside = [(clip, posed(upside_down, 2 * window, fps).motion())]
    with pytest.raises(InputError, match=r"no train clip of 2 s or more between its floor moves"):
        train_clips(dataset.path, upside, body_of(motions), CONFIG, SILENT)
    (kept,) = train_clips(dataset.path, upside, body_of(motions), CONFIG, SILENT, floor_moves=True)
    assert len(kept) == 2 * window, "memory is measured with the longest clip, whatever it shows"


def filmed(dataset, folder, kept: set[str]):
    """A copy of a dataset whose clips are filmed, but for some."""
    shutil.copytree(dataset, folder)
    for clip in read_clips(folder):
        if clip.id not in kept:
            clip_dir(folder, clip).joinpath(MOTION_FILE).rename(clip_dir(folder, clip) / FRAMES_FILE)
    return folder


def test_clips_without_motion_are_left_out_and_counted(aist, tmp_path):
    _, dataset, _ = aist
    first = next(clip.id for clip in read_clips(dataset) if clip.split == "train")
    mixed, heard = filmed(dataset.path, tmp_path / "mixed", {first}), Listener()
    ((clip, _),) = load_motions(mixed, "train", heard)
    assert clip.id == first
    assert heard.warned == ["train: left out are 1 clip that are filmed, without motion in space"]
    with pytest.raises(InputError, match=r"no val clip with motion in space.*extract-poses.*--family gan"):
        load_motions(mixed, "val", SILENT)


def test_windows_are_faster_and_slower_and_stay_with_their_music():
    """A dancer who moves with a ramp in the music does so at any tempo, and is as lively as she is fast."""
    clip = clips(1)[0]
    frames = np.arange(len(clip), dtype=np.float32)
    numbers, heard = clip.features.copy(), clip.song.copy()
    numbers[:, :, f.ROOT] = frames[:, None] / 100
    heard[:, music.BANDS] = frames
    rising = replace(clip, features=numbers, song=heard, speed=np.ones_like(clip.speed))
    config = replace(CONFIG, train=replace(CONFIG.train, tempo=0.2, mel_dropout=0.0))
    batch = Windows([rising], ["stepping"], config).draw(64, np.random.default_rng(0))
    own = batch.song[:, CONFIG.window.context : -CONFIG.window.context, music.BANDS]
    rate = own.diff(dim=1).mean(1)
    assert 0.82 < rate.min() < 0.87 and 1.15 < rate.max() < 1.2 + 1e-3
    climbed = 100 * (batch.features[:, :, 1] - batch.features[:, :1, 1])
    assert torch.allclose(climbed, own - own[:, :1], atol=0.02)
    assert torch.allclose(batch.conditioning.energy[:, 1].exp(), rate, rtol=1e-3)


def test_a_dance_between_its_frames_is_smooth_and_its_contacts_are_whole():
    times = np.arange(40) / 30
    numbers = np.zeros((40, f.WIDTH), np.float32)
    numbers[:, 0], numbers[20:, f.CONTACTS] = np.sin(4 * times), 1
    at = np.linspace(1, 38, 200)
    found = between(numbers, at)
    assert np.abs(found[:, 0] - np.sin(4 * at / 30)).max() < 1e-3
    assert set(np.unique(found[:, f.CONTACTS])) == {0.0, 1.0}
    assert np.array_equal(between(numbers, np.arange(40.0)), numbers)


def test_there_is_silence_before_a_song_and_behind_it():
    rows = np.ones((5, 2), np.float32)
    assert between_rows(rows, np.array([-2, -0.5, 0, 3.5, 4, 4.5, 7]))[:, 0].tolist() == [0, 0.5, 1, 1, 1, 0.5, 0]
