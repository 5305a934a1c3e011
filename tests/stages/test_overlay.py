"""render --over: the skeleton lies on the dancer of the footage at every moment, and the sound is where it was."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dancegen import render
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.overlay import Layout, overlaid
from dancegen.video import VideoFile, probe_video, read_frames
from helpers.drawn_footage import FIGURE, GROUND, SIZE, clicks_in, figure, footage, hopping
from helpers.listening import Listener

SECONDS = 2.4
CLICKS = (0.55, 1.1, 1.85)


def poses_file(path, fps: float = 25.0, start_s: float = 0.0, seconds: float = SECONDS, *, late_s: float = 0.0):
    """The figure's own keypoints. late_s: by how much they are wrong in time."""
    times = start_s + np.arange(round(seconds * fps)) / fps
    PoseSequence(np.stack([hopping(time - late_s) for time in times]), fps, SIZE, start_s).save(path)
    return path


@pytest.fixture(scope="module")
def video(place):
    return footage(place / "video.mp4", np.arange(60) / 25, sound_s=0.0, clicks_s=CLICKS)


def coloured(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: where the skeleton was drawn into a grey picture."""
    values = picture.astype(int)
    return values.max(axis=2) - values.min(axis=2) > 60


def on_figure(made, fps: float, start_s: float = 0.0) -> np.ndarray:
    """(T,) the share of each frame's coloured pixels that lie on the figure as it was at that moment."""
    shares = []
    for number, picture in enumerate(read_frames(made.file("video.mp4"))):
        drawn = coloured(picture)
        assert drawn.sum() > 200
        there = figure(hopping(start_s + number / fps), wider=1.4)
        shares.append((drawn & there).sum() / drawn.sum())
    return np.array(shares)


@pytest.mark.parametrize("style", ["neon", "openpose"])
def test_the_skeleton_lies_on_the_dancer_and_the_rest_is_the_footage(style, video, store, place):
    poses = poses_file(place / "poses.npz")
    made = render(poses, over=video, style=style, store=store)
    shares = on_figure(made, 25)
    assert shares.min() > (0.9 if style == "neon" else 0.75) and len(shares) == 60
    assert made.summary["size"] == list(SIZE) and made.summary["fps"] == 25
    for picture, original in zip(read_frames(made.file("video.mp4")), read_frames(video), strict=True):
        away = ~figure(hopping(0), wider=8) & ~coloured(picture)
        assert np.abs(picture.astype(int) - original)[away].mean() < 3
    wrong = render(poses_file(place / "late.npz", late_s=0.2), over=video, style=style, store=store)
    assert np.median(on_figure(wrong, 25)) < 0.6  # the measure tells five frames apart


@pytest.mark.parametrize(
    ("name", "times", "how"),
    [
        ("odd", np.arange(72) / 29.97, {"rate": 29.97}),
        ("varying", np.cumsum(np.tile([0.02, 0.05, 0.03, 0.06], 16)) - 0.02, {}),
        ("phone", np.arange(60) / 25, {"turn": 90}),
        ("late", 0.5 + np.arange(60) / 25, {}),
    ],
)
def test_pictures_count_by_their_time_upright_and_from_the_first(name, times, how, store, place):
    """Footage that begins at half a second of the file's clock, at an even rate or none, or lying on its side."""
    begins = times[0]
    clip = footage(place / f"{name}.mp4", times, pose=lambda time: hopping(time - begins), **how)
    made = render(poses_file(place / f"{name}.npz", 50.0, seconds=2.2), over=clip, fps=50, store=store)
    shares = on_figure(made, 50)
    # Between two pictures the figure stands still, half a frame at most from where the skeleton is.
    assert len(shares) == 110 and np.median(shares) > 0.85 and shares.min() > 0.6


@pytest.mark.parametrize("start_s", [0.0, 0.8])
@pytest.mark.parametrize("sound_s", [0.0, 0.3])
def test_the_sound_is_the_footages_and_where_it_was(start_s, sound_s, store, place):
    clip = footage(place / f"{sound_s}.mp4", np.arange(60) / 25, sound_s=sound_s, clicks_s=CLICKS)
    poses = poses_file(place / f"from {start_s}.npz", start_s=start_s, seconds=SECONDS - start_s)
    made = render(poses, over=clip, store=store)
    heard = clicks_in(made.file("video.mp4"))
    expected = [time - start_s for time in CLICKS if time >= start_s]
    assert len(heard) == len(expected) and np.abs(heard - expected).max() < 0.5 / 25
    assert on_figure(made, 25, start_s).min() > 0.9
    info = probe_video(made.file("video.mp4"))
    assert abs(info.audio.end_s - info.video.end_s) <= 1 / 25


def test_beside_it_the_footage_is_untouched(video, store, place):
    made = render(poses_file(place / "poses.npz"), over=video, beside=True, store=store)
    assert made.summary["size"] == [2 * SIZE[0], SIZE[1]]
    for number, (picture, original) in enumerate(
        zip(read_frames(made.file("video.mp4")), read_frames(video), strict=True)
    ):
        left, right = picture[:, : SIZE[0]].astype(int), picture[:, SIZE[0] :]
        assert np.abs(left - original).mean() < 2
        drawn, there = coloured(right), figure(hopping(number / 25), wider=1.4)
        assert (drawn & there).sum() > 0.9 * drawn.sum() > 100 and right[
            ~figure(hopping(number / 25), wider=2)
        ].max() < 60


@pytest.mark.parametrize("size", ["200x300", "480x120", "640x480"])
def test_any_size_shows_all_of_the_footage_undistorted(size, video, store, place):
    width, height = map(int, size.split("x"))
    made = render(poses_file(place / "poses.npz"), over=video, size=size, fps=5, store=store)
    (picture, *_) = read_frames(made.file("video.mp4"))
    assert picture.shape == (height, width, 3)
    rows, columns = np.nonzero(picture.max(axis=2) > GROUND // 2)
    wide, high = np.ptp(columns) + 1, np.ptp(rows) + 1
    assert abs(wide / high - SIZE[0] / SIZE[1]) < 0.03 * wide / high
    assert max(wide / width, high / height) > 0.98
    middle = (columns.min() + columns.max()) / 2 - (width - 1) / 2, (rows.min() + rows.max()) / 2 - (height - 1) / 2
    assert np.abs(middle).max() <= 1


def test_footage_of_odd_sides_keeps_every_pixel():
    layout = Layout.of((321, 241), False, None)
    assert layout.size == (322, 242) and layout.picture == (321, 241)
    assert Layout.of((321, 241), True, None).size == (642, 242)


def test_hands_and_face_are_dots_where_they_are(video, store, place):
    body = np.stack([hopping(time) for time in np.arange(10) / 25])
    hands, face = np.zeros((10, 2, 21, 3)), np.zeros((10, 70, 3))
    hands[:, 0, 5], face[:, 3] = (20, 30, 0.9), (300, 200, 0.5)
    PoseSequence(body, 25.0, SIZE, hands=hands, face=face).save(place / "parts.npz")
    made = render(place / "parts.npz", over=video, size="640x480", store=store)
    for picture in read_frames(made.file("video.mp4")):
        for x, y in ((41, 61), (601, 401)):
            assert picture[y, x].min() > 200 and picture[y - 12, x].max() < 100
            assert picture[y - 6 : y + 7, x - 6 : x + 7].mean() < 200


def test_memory_does_not_grow_with_the_footage(video, place):
    def peak(frames: int) -> int:
        dance = PoseSequence(np.stack([hopping(0)] * frames), 25.0, SIZE)
        pictures = overlaid(VideoFile(video), dance, Layout.of(SIZE, False, None), "neon")
        next(pictures)
        tracemalloc.start()
        assert sum(1 for _ in pictures) == frames - 1
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(55) < peak(10) + 2 * SIZE[0] * SIZE[1] * 3


def test_what_is_unchanged_is_answered_from_the_store_and_the_command_says_so(video, store, place, capfd):
    poses = poses_file(place / "poses.npz")
    words = ["render", str(poses), "--over", str(video), "--beside", "--store", str(store.root)]
    assert main([*words, "--quiet"]) == 0
    made = capfd.readouterr().out.strip()
    assert main([*words, "--dry-run"]) == 0 and main([*words, "--quiet"]) == 0
    assert capfd.readouterr().out.strip().endswith(made)
    said = probe_video(f"{made}/video.mp4").metadata
    assert "--over video.mp4" in said["command"] and "--beside" in said["command"]


@pytest.mark.parametrize("over", [True, False])
def test_the_command_in_a_video_of_ntsc_makes_that_video(over, store, place, monkeypatch, capfd):
    import shlex

    monkeypatch.chdir(place)
    rate = 30000 / 1001
    footage(place / "ntsc.mp4", np.arange(36) / rate, rate=rate)
    made = render(poses_file(place / "ntsc.npz", rate, seconds=1.2), over="ntsc.mp4" if over else None, store=store)
    words = shlex.split(probe_video(made.file("video.mp4")).metadata["command"])
    assert main([*words[1:], "--store", str(store.root)]) == 0
    assert f"{made.digest[:16]}: unchanged" in capfd.readouterr().out


def test_poses_that_end_after_the_footage_are_said_and_its_last_picture_stays(video, store, place):
    heard = Listener()
    poses = poses_file(place / "long.npz", seconds=SECONDS + 1)
    made = render(poses, over=video, store=store, progress=heard)
    assert made.summary["frames"] == 85 and any("ends 1.0 s before the poses do" in line for line in heard.warned)
    *_, last = read_frames(made.file("video.mp4"))
    assert (last > (GROUND + FIGURE) // 2).all(axis=2).sum() > 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "321x240"}, "even"), ({"over": "nowhere.mp4"}, "no such file"),
        ({"over": None, "beside": True}, "--over VIDEO"), ({"prompt": "a robot"}, "leave one of them out"),
        ({"poses": "square"}, "they were not seen in it"), ({"poses": "later"}, "begin at 9.0 s"),
        ({"over": "poses.npz"}, "video"), ({"poses": "dataset"}, "one size and place"),
        ({"start": 1.0}, "--start is for a video"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_by_name(options, words, video, store, place, monkeypatch):
    monkeypatch.chdir(place)
    given = {"poses": poses_file(place / "poses.npz"), "over": video} | options
    if given["poses"] == "square":
        given["poses"] = place / "square.npz"
        PoseSequence(np.stack([hopping(0)] * 30), 25.0, (512, 512)).save(given["poses"])
    if given["poses"] == "dataset":
        given["poses"] = place / "set" / "clips" / "one" / "video" / "poses.npz"
        given["poses"].parent.mkdir(parents=True)
        poses_file(given["poses"])
        (place / "set" / "clips.jsonl").write_text("")
    if given["poses"] == "later":
        given["poses"] = poses_file(place / "later.npz", start_s=9.0)
    with pytest.raises(InputError, match=words):
        render(**given, store=store)
