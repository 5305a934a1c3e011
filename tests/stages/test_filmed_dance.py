"""A filmed dance as the source of poses and music: render VIDEO and dance VIDEO, in one command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dancegen import dance, render
from dancegen.audio.beats import Beats
from dancegen.cli import main
from dancegen.detectors.registry import resolve, usual_detector
from dancegen.errors import InputError
from dancegen.pose.cleaning import Cleaned, Piece, Rejected
from dancegen.pose.detections import Detections, People
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.filmed_dance import one_sequence
from dancegen.video import VideoFile, VideoWriter, probe_video, read_frames
from helpers.drawn_footage import clicks_in, footage
from helpers.listening import Listener
from helpers.pose_examples import dancing, standing
from helpers.songs import clicks, write_song
from helpers.tiny_film import FEW, QUICK, shown, tiny_models
from helpers.tiny_film import options as film_options
from helpers.tiny_gan import tiny_model

SIZE, FPS, SECONDS = (270, 480), 24.0, 1.5
CLICKS = (0.4, 0.9, 1.3)
LOOK = {"style": "openpose"}


@pytest.fixture(scope="module")
def weights(shared_weights):
    return shared_weights / "openpose-mobilenet-thin.pb"


@pytest.fixture(scope="module")
def video(place, shared_data):
    """A second and a half of a real dancer, who is seen whole, with clicks for music."""
    import soundfile

    soundfile.write(place / "clicks.wav", clicks(np.array(CLICKS), SECONDS, rate=44_100), 44_100)
    filmed = VideoFile(shared_data / "video" / "musepose_dance.mp4")
    with VideoWriter(place / "clip.mp4", SIZE, FPS, audio=place / "clicks.wav") as out:
        for frame in filmed.frames(FPS, 1.0, SECONDS):
            out.write(small(frame))
    return place / "clip.mp4"


@pytest.fixture(scope="module")
def nobody(place):
    """A second of an empty room."""
    return footage(place / "nobody.mp4", np.arange(30) / 25, pose=None, sound_s=0.0, clicks_s=(0.5,))


@pytest.fixture(scope="module")
def drawn(video, weights, store):
    return render(video, detector=weights, store=store, **LOOK)


def small(frame: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA)


def dance_of(made, store):
    """The dance that a video was made of."""
    stage, _, digest = next(item for item in made.inputs if item.role == "poses").name.rpartition("/")
    return store.find(digest, stage)


def test_the_dance_is_as_long_as_the_video_and_lies_where_it_is_seen(drawn, video, weights, store):
    poses = PoseSequence.load(dance_of(drawn, store).file("poses.npz"))
    assert (poses.size, poses.fps, len(poses), poses.start_s) == (SIZE, FPS, round(SECONDS * FPS), 0.0)
    assert len(poses.cuts) == 0 and dance_of(drawn, store).summary["seen"] == 1.0
    height = np.ptp(poses.keypoints[0, 1:14, 1])
    pictures = list(read_frames(video))
    (seen,) = resolve(weights).load().detect([pictures[12]])[0]
    both = (seen[1:14, 2] > 0) & (poses.keypoints[12, 1:14, 2] > 0)
    off = np.linalg.norm(seen[1:14, :2] - poses.keypoints[12, 1:14, :2], axis=1)[both]
    assert both.sum() >= 11 and np.median(off) < 0.03 * height


def test_a_film_of_it_has_the_videos_proportions_framing_and_sound(drawn, store):
    width, height = drawn.summary["size"]
    assert abs(width / height - SIZE[0] / SIZE[1]) < 0.01 and width * height == pytest.approx(1280 * 720, rel=0.02)
    poses = PoseSequence.load(dance_of(drawn, store).file("poses.npz")).on_canvas((width, height))
    picture = list(read_frames(drawn.file("video.mp4")))[20].max(axis=2)
    rows, columns = np.nonzero(picture > 60)
    body = poses.keypoints[20][poses.keypoints[20, :, 2] > 0]
    assert abs(columns.min() - body[:, 0].min()) < 12 and abs(columns.max() - body[:, 0].max()) < 12
    assert abs(rows.min() - body[:, 1].min()) < 12 and abs(rows.max() - body[:, 1].max()) < 12
    assert np.abs(clicks_in(drawn.file("video.mp4")) - CLICKS).max() < 0.5 / FPS
    info = probe_video(drawn.file("video.mp4"))
    assert info.frames == round(SECONDS * FPS) and abs(info.audio.end_s - info.video.end_s) <= 1 / FPS


def test_in_another_shape_the_dancer_fills_the_picture_as_ever(video, weights, store):
    made = render(video, detector=weights, size="480x240", store=store, **LOOK)
    poses = PoseSequence.load(dance_of(made, store).file("poses.npz")).fitted((480, 240))
    rows, _ = np.nonzero(list(read_frames(made.file("video.mp4")))[20].max(axis=2) > 60)
    body = poses.keypoints[20][poses.keypoints[20, :, 2] > 0]
    assert abs(np.ptp(rows) - np.ptp(body[:, 1])) < 12 and np.ptp(rows) > 0.6 * 240


def test_a_second_run_looks_at_nothing_and_every_way_takes_the_same_dance(drawn, video, weights, store, capfd):
    words = ["render", str(video), "--detector", str(weights), "--style", "openpose", "--store", str(store.root)]
    assert main([*words, "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["cached"] and json.loads(out)["digest"] == drawn.digest and "Looking" not in err
    assert main([*words, "--dry-run"]) == 0
    assert main([*words, "--size", "64x64", "--dry-run"]) == 3
    assert main([*words, "--start", "0.2", "--dry-run"]) == 3
    said = capfd.readouterr().out
    assert "import-poses" in said and "would be made" in said
    over = render(over=video, detector=weights, store=store)
    beside = render(video, beside=True, detector=weights, store=store)
    assert dance_of(over, store).digest == dance_of(beside, store).digest == dance_of(drawn, store).digest
    assert over.summary["size"] == list(SIZE) and beside.summary["size"] == [2 * SIZE[0], SIZE[1]]
    by_digest = render(dance_of(drawn, store).digest[:12], store=store, **LOOK)
    assert by_digest.digest == drawn.digest
    assert len(store.artifacts("import-poses")) == len(store.artifacts("detect-people")) == 1


def test_dance_takes_dance_and_music_of_a_video_in_one_command(drawn, video, weights, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard = Listener()
    made = dance(video, detector=weights, store=store, progress=heard, **LOOK)
    assert made.digest == drawn.digest and [path.name for path in tmp_path.glob("*.mp4")] == ["clip.mp4"]
    said = "\n".join(heard.said)
    assert "clip.mp4: the dance that it shows is taken, with its own sound" in said and "--sound-only" in said


def test_a_choreography_is_made_to_a_video_only_where_that_is_asked_for(video, store, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_model(place / "model")
    with pytest.raises(InputError, match=r"--model is for a choreography.*--sound-only"):
        dance(video, model=model, store=store)
    made = dance(video, model=model, sound_only=True, canvas="64x64", size="64x64", store=store, **LOOK)
    assert dance_of(made, store).stage == "generate-poses" and made.summary["seconds"] == pytest.approx(1.5, abs=0.1)


@pytest.mark.slow
def test_it_is_painted_in_the_words_of_a_prompt(video, weights, store, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = film_options(tiny_models(place / "models"))
    paint = {**QUICK, **FEW, **models, "detector": weights, "prompt": "a robot", "store": store}
    del paint["size"], paint["fps"]
    made = dance(video, **paint)
    width, height = made.summary["size"]
    assert abs(width / height - SIZE[0] / SIZE[1]) < 0.03 and made.summary["fps"] == FPS
    frames = shown(store, {"digest": made.digest})
    assert frames.shape == (round(SECONDS * FPS), height, width, 3) and frames.std() > 5
    assert np.abs(clicks_in(made.file("video.mp4")) - CLICKS).max() < 0.5 / FPS
    again = render(video, **paint)
    assert again.cached and again.digest == made.digest


def test_a_part_of_a_video_is_taken_with_its_sound_and_says_where_it_began(video, weights, store):
    made = render(video, detector=weights, start=0.5, seconds=1, store=store, **LOOK)
    poses = PoseSequence.load(dance_of(made, store).file("poses.npz"))
    assert (len(poses), poses.start_s) == (24, 0.5)
    assert np.abs(clicks_in(made.file("video.mp4")) - [0.4, 0.8]).max() < 0.5 / FPS
    whole = PoseSequence.load(dance_of(render(video, detector=weights, store=store, **LOOK), store).file("poses.npz"))
    off = np.abs(poses.keypoints[4:20] - whole.keypoints[16:32])[..., :2]
    assert np.median(off) < 1.0


@pytest.mark.parametrize("music", ["song.wav", "none"])
def test_it_may_be_danced_to_another_song_or_none(music, video, weights, store, place):
    write_song(place / "song.wav", 4.0)
    chosen = music if music == "none" else place / music
    made = dance_of(render(video, detector=weights, music=chosen, store=store, **LOOK), store)
    assert len(Beats.load(made.file("beats.json")).times_s) == (0 if music == "none" else 4)


def test_a_film_of_dancegens_shows_the_poses_that_it_was_made_of(drawn, store):
    heard = Listener()
    made = render(drawn.file("video.mp4"), store=store, progress=heard, size="64x64", **LOOK)
    assert dance_of(made, store).digest == dance_of(drawn, store).digest and "was made of the dance" in heard.said[0]


def test_a_video_that_shows_nobody_ends_with_words_and_exit_code_2(nobody, weights, store, capfd):
    assert main(["render", str(nobody), "--detector", str(weights), "--store", str(store.root)]) == 2
    err = capfd.readouterr().err
    assert "nobody.mp4" in err and "found nobody" in err and "--sound-only" in err
    assert all(item.name != "nobody.mp4" for made in store.artifacts("import-poses") for item in made.inputs)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"detector": "none"}, "to find the dancer in it takes a detector"), ({"json_fps": 24}, "--json-fps"),
        ({"start": 1.2}, "--start 1.2: clip.mp4 is 1.5 s long"), ({"seconds": 0.5}, "at least one second"),
        ({"music_start": 3}, "--music"), ({"start": -1.0}, "--start -1"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_by_name(options, words, video, weights, store):
    with pytest.raises(InputError, match=words):
        render(video, **{"detector": weights, **options}, store=store)


@pytest.mark.parametrize("name", ["cut.mp4", "text.mp4", "empty.mov"])
def test_a_file_that_is_called_a_video_and_is_none_is_named(name, video, weights, store, place):
    path = place / name
    path.write_bytes({"cut.mp4": video.read_bytes()[:9000], "text.mp4": b"hello " * 400, "empty.mov": b""}[name])
    with pytest.raises(InputError, match=name):
        render(path, detector=weights, store=store)


def test_pieces_are_where_they_were_and_cuts_stay():
    """Two shots of forty pictures: a whole dancer from the fifth on, then an upper body alone, then too little."""
    whole = dancing(35)
    upper = np.repeat(standing()[None], 20, axis=0)
    upper[:, 8:14] = 0
    little = upper.copy()
    little[:, [3, 4, 6, 7]] = 0
    found = Detections((People.nobody(),) * 80, 25.0, (512, 512), np.array([40]), "made")
    pieces = (Piece(5, PoseSequence(whole, 25.0), 1.0, {}),)
    rejected = (
        Rejected(0, 5, "nobody is seen"), Rejected(40, 20, "no legs", None, "no whole dancer", upper),
        Rejected(60, 20, "a head", None, "no whole dancer", little),
    )  # fmt: skip
    sequence = one_sequence(found, Cleaned(pieces, rejected, 80, (40,)), 3.0)
    there = sequence.keypoints[..., 2] > 0
    assert (len(sequence), sequence.start_s, sequence.cuts.tolist()) == (80, 3.0, [40])
    assert np.array_equal(sequence.keypoints[5:40], whole) and not there[:5].any() and not there[60:].any()
    assert there[40:60, :8].all() and not there[40:60, 8:14].any() and sequence.hands is None
    with_hands = replace(pieces[0].poses, hands=np.ones((35, 2, 21, 3)))
    hands = one_sequence(found, Cleaned((replace(pieces[0], poses=with_hands),), (), 80, ()), 0.0).hands
    assert hands is not None and hands.shape == (80, 2, 21, 3) and (hands[5:40, ..., 2] == 1).all()
    assert not hands[:5].any()


def test_real_footage_with_blazepose(shared_data, store):
    if usual_detector() is None:
        pytest.skip("the extra blazepose is not installed")
    made = render(shared_data / "video" / "musepose_dance.mp4", seconds=1, size="180x320", store=store)
    dance = dance_of(made, store)
    assert dance.params["detector"] == "blazepose" and dance.summary["seen"] > 0.97
