"""render: the dance as a video with its music, in sync, and nothing that H.264 or this version cannot do."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen import generate_poses, render
from dancegen.cli import main
from dancegen.errors import InputError, NotFoundError
from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.video import probe_video, read_frames
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model

SECONDS = 3.37


@pytest.fixture(scope="module")
def poses(store, place):
    song = write_song(place / "song.wav", SECONDS)
    return generate_poses(song, model=tiny_model(place / "model"), canvas="128x128", store=store)


@pytest.fixture(scope="module")
def video(poses, store):
    return render(poses, style="openpose", size="128x96", store=store)


def in_sync(path, fps: float) -> bool:
    info = probe_video(path)
    return info.audio.start_s == info.video.start_s == 0 and abs(info.audio.end_s - info.video.end_s) <= 1 / fps


def test_the_video_has_the_dances_length_and_music_and_both_streams_start_and_end_together(video):
    info = probe_video(video.file("video.mp4"))
    assert (info.frames, info.fps, info.size) == (round(SECONDS * 30), 30.0, (128, 96))
    assert in_sync(info.path, 30)
    assert video.summary == {
        "seconds": round(info.frames / 30, 3),
        "frames": info.frames,
        "fps": 30.0,
        "size": [128, 96],
    }


def test_the_music_is_the_songs_and_in_time(video, poses):
    """Each kick of the song is where it was, to a frame of the video."""
    import av
    import soundfile

    with av.open(str(video.file("video.mp4"))) as container:
        rate = container.streams.audio[0].rate
        heard = np.concatenate([f.to_ndarray().mean(0) for f in container.decode(audio=0)])
    original, original_rate = soundfile.read(poses.file("audio.flac"))
    count = int(min(len(heard) / rate, len(original) / original_rate) * 200)
    one, other = (
        np.array([np.abs(x[int(i * r / 200) : int((i + 1) * r / 200)]).max() for i in range(count)])
        for x, r in ((heard, rate), (original, original_rate))
    )
    lags = range(-20, 21)
    match = [np.corrcoef(one[20:-20], np.roll(other, lag)[20:-20])[0, 1] for lag in lags]
    assert max(match) > 0.9 and abs(lags[int(np.argmax(match))]) / 200 <= 1 / 30


def test_openpose_frames_are_the_poses_as_controlnet_was_taught_them(video, poses):
    fitted = PoseSequence.load(poses.file("poses.npz")).fitted((128, 96))
    for number, frame in enumerate(read_frames(video.file("video.mp4"))):
        if number % 30 == 0:
            drawn = draw_openpose(fitted.keypoints[number], (128, 96)).astype(int)
            error, upside_down = (np.abs(f.astype(int) - drawn).mean() for f in (frame, frame[::-1]))
            assert error < 3 and error < upside_down / 2  # what H.264 takes


@pytest.mark.parametrize("size", ["160x90", "90x160", "96x96"])
def test_neon_is_drawn_in_every_shape_and_moves(size, poses, store):
    made = render(poses, size=size, fps=15, store=store)
    frames = np.stack(list(read_frames(made.file("video.mp4"))))
    width, height = map(int, size.split("x"))
    assert frames.shape == (round(101 / 2), height, width, 3) and in_sync(made.file("video.mp4"), 15)
    assert frames.max() > 150 and np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3)).min() > 0
    import cv2

    poster = cv2.cvtColor(cv2.imread(str(made.file("poster.png"))), cv2.COLOR_BGR2RGB)
    assert np.abs(poster.astype(int) - frames[len(frames) // 3]).mean() < 12


@pytest.mark.parametrize("fps", [1, 24, 60])
def test_any_rate_is_rendered_for_as_long(fps, poses, store):
    made = render(poses, style="openpose", size="64x64", fps=fps, store=store)
    info = probe_video(made.file("video.mp4"))
    assert info.frames == round(len(PoseSequence.load(poses.file("poses.npz"))) / 30 * fps) and info.fps == fps
    assert in_sync(info.path, fps)


def test_the_video_says_what_made_it(video, poses):
    said = probe_video(video.file("video.mp4")).metadata
    assert said["digest"] == video.digest
    words = said["command"].split()
    assert words[:2] == ["dancegen", "render"] and poses.digest.startswith(words[2])


def test_the_command_in_a_video_makes_that_video(video, store, capfd):
    words = probe_video(video.file("video.mp4")).metadata["command"].split()[1:]
    assert main([*words, "--store", str(store.root)]) == 0
    assert video.digest[:16] in capfd.readouterr().out


def test_what_is_unchanged_is_answered_from_the_store(video, poses, store):
    for reference in (poses, poses.path, poses.digest[:8]):
        again = render(reference, style="openpose", size=(128, 96), fps=30, seed=5, device="cpu", store=store)
        assert again.cached and again.digest == video.digest


def test_without_an_argument_it_takes_the_newest_poses(place, poses, store, video, capfd):
    song, model = place / "song.wav", place / "model"
    generate_poses(song, model=model, canvas="64x64", seed=9, store=store)
    newest = generate_poses(song, model=model, canvas="64x64", seed=10, store=store)
    assert render(style="openpose", size="64x64", store=store).inputs[0].digest == newest.content
    # Answered from the store counts as newest too.
    generate_poses(song, model=model, canvas="128x128", store=store)
    assert render(style="openpose", size="128x96", store=store).digest == video.digest
    assert main(["render", "--style", "openpose", "--size", "128x96", "--store", str(store.root)]) == 0
    assert f"using the newest generate-poses: {poses.digest[:16]}" in capfd.readouterr().err


@pytest.mark.parametrize(
    "options, words",
    [
        ({"style": "oil"}, "neon, openpose, mannequin"), ({"engine": "animatediff"}, "--prompt"),
        ({"size": "127x96"}, "even"), ({"size": "96x95"}, "even"), ({"size": "1x1"}, "--size 1x1"),
        ({"fps": 0}, "--fps 0"), ({"fps": float("nan")}, "--fps nan"), ({"fps": 121}, "--fps 121"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_refused_by_name(options, words, poses, store):
    with pytest.raises(InputError, match=words):
        render(poses, store=store, **options)


def test_only_poses_are_rendered(video, store, tmp_path):
    with pytest.raises(InputError, match="generate-poses artifact is needed"):
        render(video, store=store)
    with pytest.raises(NotFoundError, match="dancegen generate-poses"):
        render(store=tmp_path / "empty")


def test_hands_and_faces_are_in_the_skeleton_for_controlnet_where_they_were_found(tmp_path):
    """What ControlNet sees of a dance that was filmed with --hands --face, at its own size."""
    from dancegen.renderers import get_renderer

    rng = np.random.default_rng(0)
    body = np.concatenate([rng.uniform(20, 100, (3, 18, 2)), np.ones((3, 18, 1))], axis=2)
    hands = np.concatenate([rng.uniform(20, 100, (3, 2, 21, 2)), np.ones((3, 2, 21, 1))], axis=3)
    face = np.concatenate([rng.uniform(20, 100, (3, 70, 2)), np.ones((3, 70, 1))], axis=2)
    sequence = PoseSequence(body, 30.0, (128, 128), hands=hands, face=face)
    frames = get_renderer("openpose").frames(sequence, None, size=(128, 128), fps=30.0, as_filmed=True)
    for number, frame in enumerate(frames):
        wanted = draw_openpose(
            sequence.keypoints[number], (128, 128), hands=sequence.hands[number], face=sequence.face[number]
        )  # fmt: skip
        np.testing.assert_array_equal(frame, wanted)
