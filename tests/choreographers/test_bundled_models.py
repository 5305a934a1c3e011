"""The models that come along dance: all the way through a song, in one piece."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from dancegen.assets import asset
from dancegen.audio.song import analyse
from dancegen.audio.synth.instruments import RATE
from dancegen.audio.synth.song_maker import SongSpec, synthesise
from dancegen.choreographers import BUNDLED, DanceControls, choreograph, load_choreographer
from dancegen.metrics.dance import Dance, average, measure
from dancegen.metrics.motion import body_positions, freeze_ratio, joint_speed, motion_figures
from dancegen.motion.body import BodyMotion
from dancegen.pose.geometry import body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY

DRONE = ((110, 17), (165, 23), (220, 29), (277, 31), (330, 37))
"""Tones, in hertz, and the seconds in which each swells and fades."""
REACH, GROWTH = {"gan": 0.25, "diffusion": 0.9}, {"gan": 0.15, "diffusion": 0.35}
"""Body heights that a dancer's place may wander, and by how much the height may differ: the GAN's stands in the
picture, the other has a floor of 3 m and a camera 9 m away from its middle."""


@pytest.fixture(scope="module", params=BUNDLED)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def dance(family) -> PoseSequence:
    """Half a minute to the demo song."""
    dancer = load_choreographer(asset(f"models/{family}"), "cpu")
    return PoseSequence.concatenate(choreograph(dancer, analyse(asset("demo.ogg"))))


def test_it_moves_as_much_as_dancers_do_and_does_not_tremble(dance):
    figures = motion_figures(dance)
    assert 0.12 < figures.speed_median < 0.6 and figures.accel_mean < 6


def test_it_never_stands_still(dance):
    speed = joint_speed(body_positions(dance))
    assert freeze_ratio(speed) < 0.12
    assert freeze_ratio(speed[-300:]) < 0.12  # nor at the end


def test_nearly_every_joint_can_be_read_from_its_images(dance):
    assert motion_figures(dance).missing < 0.05


def test_it_keeps_its_height_and_its_place(dance, family):
    halves = np.array_split(dance.keypoints[:, BODY], 2)
    tall = [np.percentile(np.ptp(half[..., 1], 1), 75) for half in halves]
    assert tall[1] == pytest.approx(tall[0], rel=GROWTH[family])
    middle = [np.median(half[..., 0]) for half in halves]
    assert abs(middle[1] - middle[0]) < REACH[family] * body_height(dance.keypoints)
    floor = [np.median(half[..., 1].max(1)) for half in halves]
    assert abs(floor[1] - floor[0]) < 0.1 * body_height(dance.keypoints)


def test_a_dance_in_joint_space_is_as_lively_as_it_is_told_frame_by_frame():
    from dancegen.choreographers.diffusion import features as f
    from dancegen.choreographers.diffusion.model import load_model
    from dancegen.choreographers.diffusion.music import encode_music
    from dancegen.choreographers.diffusion.planning import SampleRequest
    from dancegen.choreographers.diffusion.sampling import sample

    model, song = load_model(asset("models/diffusion")), analyse(asset("demo.ogg"), seconds=16)
    fps, half = model.config.window.fps, 240
    heard = encode_music(song.mel, song.beats, 2 * half, fps)

    def speed(energy) -> np.ndarray:
        (made,) = sample(model, [SampleRequest(heard, energy=energy)])
        joints = f.decode(made, model.body, fps).positions
        halves = np.split(np.linalg.norm(np.gradient(joints, axis=0), axis=-1).mean(1), 2)
        return np.array([half.mean() for half in halves])

    calm, wild, rising = speed(-1.5), speed(1.5), speed(np.repeat([-1.5, 1.5], half))
    assert (wild > 1.5 * calm).all()
    assert rising[0] < (calm[0] + wild[0]) / 2 and rising[1] > 1.3 * calm[1]


@pytest.fixture(scope="module")
def in_joint_space():
    return load_choreographer(asset("models/diffusion"), "cpu")


def danced_to(samples: np.ndarray, dancer, path, seeds: int = 1) -> tuple[list[Dance], np.ndarray]:
    """Dances to a song of so many samples, one a seed, and the song's beats as they are heard."""
    soundfile.write(path, samples, RATE)
    song = analyse(path)
    made = [PoseSequence.concatenate(choreograph(dancer, song, seed=seed)) for seed in range(seeds)]
    return [Dance.of(poses, song.beats.times_s) for poses in made], song.beats.times_s


def test_steps_keep_time_before_and_after_the_tempo_changes(in_joint_space, tmp_path):
    parts = [synthesise(SongSpec(tempo=tempo, seconds=30, pattern="rock")).samples for tempo in (96, 128)]
    dances, beats = danced_to(np.concatenate(parts), in_joint_space, tmp_path / "change.flac", seeds=3)
    for begin, tempo in ((1.0, 96), (31.0, 128)):
        inside = beats[(beats >= begin) & (beats < begin + 28)]
        assert 60 / np.median(np.diff(inside)) == pytest.approx(tempo, rel=0.02)
        figures = average([measure(replace(dance, beats_s=inside)) for dance in dances])
        assert figures["footfall"] > figures["footfall_shifted"] + 0.05
        assert figures["bas_music"] > figures["bas_shifted"] + 0.05


def test_a_song_without_a_beat_is_danced_all_the_same(in_joint_space, tmp_path):
    times = np.arange(20 * RATE) / RATE
    tones = [np.sin(2 * np.pi * f * times) * (0.6 + 0.4 * np.sin(2 * np.pi * times / s)) for f, s in DRONE]
    drone = np.repeat(0.1 * sum(tones)[:, None], 2, axis=1)
    (dance,), beats = danced_to(drone, in_joint_space, tmp_path / "drone.flac")
    figures = measure(dance)
    assert not len(beats)
    assert 0.1 < figures["speed_median"] < 0.5 and figures["accel_mean"] < 6 and figures["freeze_ratio"] < 0.15


def accelerations(motion: BodyMotion) -> np.ndarray:
    """(T - 2,) metres a second squared, the joints' mean."""
    return np.linalg.norm(np.diff(motion.positions, 2, axis=0), axis=-1).mean(1) * motion.fps**2


def near(frames, count: int) -> np.ndarray:
    """(count,) bool: within a tenth of a second of one of the frames."""
    return np.abs(np.arange(1, count + 1)[:, None] - np.asarray(frames)).min(1) <= 3


def test_windows_join_without_a_jerk_and_nobody_is_flung_round(in_joint_space):
    motion = in_joint_space.dance(analyse(asset("demo.ogg")), seed=4)
    w = in_joint_space.model.config.window
    jerks = accelerations(motion)
    joins = near(np.arange(w.frames, len(motion), w.frames - w.prefix), len(jerks))
    assert jerks[joins].mean() < 1.5 * jerks[~joins].mean() and jerks[joins].max() <= jerks[~joins].max()
    facing = motion.orientations[:, 0, :, 2]
    turning = np.diff(np.unwrap(np.arctan2(facing[:, 0], facing[:, 2]))) * motion.fps
    assert np.abs(turning).max() < np.deg2rad(1000)  # a fast spin; more is a glitch
    assert jerks.max() < 60


@pytest.mark.parametrize("keep", [((5.4, 8.0),), ((2.0, 4.0), (7.0, 9.0)), ((0.0, 3.0),), ((10.0, 16.0),)])
def test_kept_spans_are_joined_without_a_jerk(keep, in_joint_space):
    song = analyse(asset("demo.ogg"), seconds=16)
    old = in_joint_space.dance(song, seed=1)
    made = in_joint_space.dance(song, DanceControls(edit=old, keep=keep), seed=7)
    for begin, end in keep:
        span = slice(round(begin * made.fps), round(end * made.fps))
        assert np.abs(made.positions[span] - old.positions[span]).max() < 1e-3
    jerks = accelerations(made)
    edges = near([time * made.fps for span in keep for time in span], len(jerks))
    assert jerks[edges].max() < 40 and jerks[edges].mean() < 2 * jerks[~edges].mean()
