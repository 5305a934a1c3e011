"""Cuts are found in pictures; flashes, strobe lights, whip pans and fast dancers are none."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.video import VideoFile
from dancegen.video.shots import ShotFinder, find_shots

HEIGHT, WIDTH = 90, 160


def scene(seed: int, wide: int = WIDTH) -> np.ndarray:
    """(90, wide, 3) float: a room with a wall, a floor and things of several colours."""
    rng = np.random.default_rng(seed)
    room = np.zeros((HEIGHT, wide, 3)) + rng.uniform(40, 200, 3)
    room[60:] = rng.uniform(30, 180, 3)
    for _ in range(wide // 12):
        x, y = rng.integers(0, wide - 10), rng.integers(0, HEIGHT - 10)
        room[y : y + rng.integers(10, 40), x : x + rng.integers(8, 30)] = rng.uniform(0, 255, 3)
    return room


def shot(seed: int, frames: int, dancer: bool = True) -> list[np.ndarray]:
    """A dancer who runs through a room, with the noise of a camera."""
    rng = np.random.default_rng(seed + 100)
    pictures = []
    for t in range(frames):
        room = scene(seed)
        if dancer:
            x = round(60 + 55 * np.sin(t / 2))
            room[25:80, x : x + 24] = (220, 40, 60)
        pictures.append(picture(room, rng))
    return pictures


def picture(room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(room + rng.normal(0, 4, room.shape), 0, 255).astype(np.uint8)


def test_cuts_are_found_at_the_very_picture():
    assert find_shots([*shot(1, 20), *shot(2, 15), *shot(3, 30), *shot(1, 9)]).tolist() == [20, 35, 65]


def test_a_dancer_who_runs_through_the_picture_is_no_cut():
    assert find_shots(shot(4, 60)).tolist() == []


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_flash_is_no_cut(length):
    frames = shot(1, 40)
    for t in range(20, 20 + length):
        frames[t] = np.clip(frames[t] * 0.1 + 240, 0, 255).astype(np.uint8)
    assert find_shots(frames).tolist() == []


def test_a_strobe_light_and_a_light_that_goes_out_are_no_cuts():
    frames = shot(1, 60)
    for t in range(20, 40, 2):
        frames[t] = (frames[t] * 0.2).astype(np.uint8)
    frames[45:] = [(frame * 0.6).astype(np.uint8) for frame in frames[45:]]
    assert find_shots(frames).tolist() == []


def test_a_whip_pan_is_no_cut_and_a_cut_behind_it_is_one():
    rng, wall = np.random.default_rng(0), scene(5, 1200)
    places = [*[0] * 12, *range(60, 1000, 70), *[1000] * 12]
    pan = [picture(wall[:, x : x + WIDTH], rng) for x in places]
    assert find_shots(pan).tolist() == []
    assert find_shots([*pan, *shot(2, 12)]).tolist() == [len(pan)]


def test_a_cut_near_the_beginning_or_the_end_is_found_and_nothing_comes_from_nothing():
    assert find_shots([*shot(1, 2), *shot(2, 30), *shot(3, 2)]).tolist() == [2, 32]
    assert find_shots([]).tolist() == [] == find_shots(shot(1, 1)).tolist()


def test_asking_between_pictures_changes_nothing_and_little_is_kept():
    finder, frames = ShotFinder(), [*shot(1, 20), *shot(2, 20)]
    for frame in frames:
        finder.see(frame)
        finder.cuts()
    assert finder.cuts().tolist() == [20]
    assert len(finder._looks) <= 13


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("made_cuts.mp4", [75, 117]),
        ("musepose_dance.mp4", []),
        ("openpose_video.avi", []),
        ("d2mgan_tiktok_high1.mp4", []),
        ("pose2sim_trial1_cam01.mp4", []),
    ],
)
def test_cuts_of_real_videos(shared_data, name, cuts):
    video = VideoFile(shared_data / "video" / name)
    assert find_shots(video.frames(video.fps)).tolist() == cuts


@pytest.mark.parametrize("seen", [1, 5, 24, 26, 31, 40, 77])
def test_one_that_was_kept_and_goes_on_finds_the_same_cuts(seen, tmp_path):
    pictures = [*shot(1, 25), *shot(2, 4), *shot(3, 8), *shot(4, 30), *shot(5, 20)]
    whole, first = find_shots(pictures), ShotFinder()
    for each in pictures[:seen]:
        first.see(each)
    first.save(tmp_path / "shots.npz")
    then = ShotFinder.load(tmp_path / "shots.npz")
    for each in pictures[seen:]:
        then.see(each)
    assert len(whole) >= 3 and then.cuts().tolist() == whole.tolist()
    (tmp_path / "shots.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="record of shots"):
        ShotFinder.load(tmp_path / "shots.npz")
