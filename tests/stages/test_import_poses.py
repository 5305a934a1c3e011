"""Poses that come back from an editor are filmed: files and folders, with the music that is meant, or in words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen import evaluate, generate_poses, render
from dancegen.audio.beats import Beats
from dancegen.cli import main
from dancegen.errors import InputError, PoseError
from dancegen.pose.openpose_json import write_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.store import open_store
from dancegen.video import probe_video, read_frames
from helpers.listening import Listener
from helpers.pose_examples import dancing
from helpers.songs import write_song
from helpers.tiny_film import FEW, QUICK, tiny_models
from helpers.tiny_film import options as film_options
from helpers.tiny_gan import tiny_model

OPENPOSE = {"style": "openpose", "size": "128x96"}


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 8.0)


@pytest.fixture(scope="module")
def made(place, store, song):
    """A dance of four seconds, from the second second of the song on."""
    return generate_poses(
        song, model=tiny_model(place / "model"), canvas="128x128", start=2.0, seconds=4.0, fps=24, store=store
    )  # fmt: skip


@pytest.fixture(scope="module")
def foreign(place):
    """A dance of three seconds that no store knows, as JSON."""
    write_openpose_json(PoseSequence(dancing(90), 30.0), place / "foreign.json")
    return place / "foreign.json"


def imported(video, store):
    """The dance that a video shows, as it was imported."""
    poses = next(item for item in video.inputs if item.role == "poses")
    stage, _, digest = poses.name.rpartition("/")
    return store.find(digest, stage)


def pictures(video) -> np.ndarray:
    return np.stack(list(read_frames(video.file("video.mp4")))).astype(int)


def edited(path, change) -> list:
    """The frames of a JSON file with each frame's person's numbers changed by a function of frame and numbers."""
    frames = json.loads(path.read_text())
    for number, frame in enumerate(frames):
        for person in frame["people"]:
            change(number, person["pose_keypoints_2d"])
    return frames


def test_a_dance_that_went_out_as_json_comes_back_as_it_was(made, store, place):
    """Its rate, its place in the song and its music, which the format cannot say, are found in the store."""
    copy = place / "copy.json"
    copy.write_bytes(made.file("openpose.json").read_bytes())
    heard = Listener()
    again = render(copy, **OPENPOSE, store=store, progress=heard)
    assert np.abs(pictures(again) - pictures(render(made, **OPENPOSE, store=store))).mean() < 0.05
    came, went = imported(again, store), made
    assert f"edited from the dance {made.digest[:8]}" in "\n".join(heard.said)
    poses = PoseSequence.load(came.file("poses.npz"))
    assert (poses.fps, poses.start_s, poses.size) == (24.0, 2.0, (128, 128))
    for name in ("audio.flac", "beats.json", "features.npz"):
        assert came.file(name).read_bytes() == went.file(name).read_bytes()


def test_what_was_edited_is_what_is_filmed(made, store, place):
    def raise_the_arm(number, numbers):
        if 24 <= number < 48:
            numbers[12:15] = [numbers[3] - 20, 4.0, 1.0]

    path = place / "arm.json"
    path.write_text(json.dumps(edited(made.file("openpose.json"), raise_the_arm)))
    before = len(store.artifacts("import-poses"))
    videos = [render(poses, **OPENPOSE, store=store) for poses in (path, made)]
    new, old = map(pictures, videos)
    assert np.abs(new[30] - old[30]).max() > 100
    wrist = PoseSequence.load(imported(videos[0], store).file("poses.npz")).keypoints[:, 4]
    assert (wrist[24:48, 1] == 4.0).all() and not (wrist[:24, 1] == 4.0).any()
    assert render(path, **OPENPOSE, store=store).cached and len(store.artifacts("import-poses")) == before + 1


def test_a_folder_of_frames_is_one_dance_in_natural_order(foreign, store, place):
    folder = place / "frames"
    folder.mkdir()
    for number, frame in enumerate(json.loads(foreign.read_text())):
        (folder / f"pose ({number}).json").write_text(json.dumps(frame))
    videos = [render(poses, music="none", **OPENPOSE, store=store) for poses in (folder, foreign)]
    one, other = (PoseSequence.load(imported(video, store).file("poses.npz")) for video in videos)
    assert np.array_equal(one.keypoints, other.keypoints) and one.size == other.size == (512, 512)


def test_a_file_that_somebodys_script_wrote_needs_no_more_than_poses_rate_and_canvas(store, place, song):
    np.savez(place / "mine.npz", keypoints=dancing(48, fps=24.0), fps=24, size=(512, 512))
    video = render(place / "mine.npz", music=song, music_start=3.0, **OPENPOSE, store=store)
    assert (video.summary["frames"], video.summary["fps"]) == (48, 24.0)
    assert PoseSequence.load(imported(video, store).file("poses.npz")).start_s == 3.0


@pytest.mark.parametrize(
    ("poses", "options", "begins_s"),
    [("later.npz", {}, 1.75), ("foreign.json", {"music_start": 1.75}, 1.75), ("foreign.json", {}, 0.0)],
)
def test_the_music_begins_where_the_poses_say_and_as_told(poses, options, begins_s, foreign, store, place, song):
    import soundfile

    PoseSequence(dancing(90), 30.0, start_s=1.75).save(place / "later.npz")
    video = render(place / poses, **options, music=song, **OPENPOSE, store=store)
    dance = imported(video, store)
    heard, rate = soundfile.read(dance.file("audio.flac"))
    whole, _ = soundfile.read(song)
    first = round(begins_s * rate)
    assert len(heard) == 3 * rate and np.abs(heard - whole[first : first + len(heard)]).max() < 1e-3
    assert PoseSequence.load(dance.file("poses.npz")).start_s == begins_s


def test_without_music_it_is_silent_and_says_so(foreign, store):
    import soundfile

    heard = Listener()
    video = render(foreign, **OPENPOSE, store=store, progress=heard)
    assert "without sound: name a song with --music" in "\n".join(heard.said)
    samples, rate = soundfile.read(imported(video, store).file("audio.flac"))
    assert not samples.any() and len(samples) / rate == pytest.approx(3.0)
    info = probe_video(video.file("video.mp4"))
    assert info.frames == 90 and info.audio is not None


def test_the_sound_that_lies_beside_the_poses_belongs_to_them(made, store, place, tmp_path):
    """The folder that --output makes, with its poses edited by a script, in a store that does not know the dance."""
    elsewhere = open_store(tmp_path / "elsewhere")
    for name in ("openpose.json", "audio.flac"):
        (tmp_path / name).write_bytes(made.file(name).read_bytes())
    video = render(tmp_path / "openpose.json", json_fps=24, **OPENPOSE, store=elsewhere)
    one, other = (Beats.load(each.file("beats.json")).times_s for each in (imported(video, elsewhere), made))
    assert np.abs(one[:, None] - other).min(axis=0).max() < 0.02  # the end of a part may have one more of its own


def test_poses_that_outlast_the_song_end_in_silence_and_that_is_said(foreign, store, song):
    heard = Listener()
    video = render(foreign, music=song, music_start=6.5, style="neon", size="128x96", store=store, progress=heard)
    assert "the last 1.5 s are silent" in "\n".join(heard.warned)
    assert video.summary["frames"] == 90
    with pytest.raises(InputError, match=r"song\.wav is 8\.0 seconds long: say with --music-start"):
        render(foreign, music=song, music_start=20, store=store)


def test_a_single_frame_is_a_still(store, place, song):
    write_openpose_json(PoseSequence(dancing(1), 30.0), place / "still.json")
    frames = json.loads((place / "still.json").read_text())
    (place / "still.json").write_text(json.dumps(frames[0]))
    assert render(place / "still.json", music=song, **OPENPOSE, store=store).summary["frames"] == 1


def test_frames_without_anybody_are_filled_where_they_are_few_and_stay_empty_where_not(foreign, store, place):
    frames = json.loads(foreign.read_text())
    for number in (*range(10, 16), *range(40, 80)):
        frames[number]["people"] = []
    (place / "gaps.json").write_text(json.dumps(frames))
    heard = Listener()
    video = render(place / "gaps.json", **OPENPOSE, store=store, progress=heard)
    confidence = PoseSequence.load(imported(video, store).file("poses.npz")).keypoints[..., 2]
    assert "46 of 90 frames show nobody; 40 of them stay empty" in "\n".join(heard.warned)
    assert (confidence[10:16, 1:14] > 0).all() and (confidence[10:16] < 0.5).all()
    assert not confidence[40:80].any() and (confidence[80:, 1:14] == 1).all()
    for frame in frames:
        frame["people"] = []
    (place / "nobody.json").write_text(json.dumps(frames))
    with pytest.raises(PoseError, match=r"nobody\.json shows nobody in any of its 90 frames"):
        render(place / "nobody.json", store=store)


def test_a_joint_that_was_deleted_stays_away(foreign, store, place):
    def hide_the_hand(number, numbers):
        if number == 30:
            numbers[12:15] = [0, 0, 0]

    (place / "hidden.json").write_text(json.dumps(edited(foreign, hide_the_hand)))
    video = render(place / "hidden.json", **OPENPOSE, store=store)
    assert not PoseSequence.load(imported(video, store).file("poses.npz")).keypoints[30, 4].any()


def test_of_several_people_one_is_followed_and_that_is_said(foreign, store, place):
    frames = json.loads(foreign.read_text())
    for frame in frames[20:60]:
        small = [value * 0.3 for value in frame["people"][0]["pose_keypoints_2d"]]
        frame["people"].insert(0, {"pose_keypoints_2d": small})
    (place / "two.json").write_text(json.dumps(frames))
    heard = Listener()
    video = render(place / "two.json", **OPENPOSE, store=store, progress=heard)
    assert "40 of 90 frames show several people" in "\n".join(heard.warned)
    assert np.abs(PoseSequence.load(imported(video, store).file("poses.npz")).keypoints - dancing(90)).max() < 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"music": "demo"}, "--music is for poses from a file"),
        ({"json_fps": 24}, "--json-fps is for poses from a file"),
        ({"poses": "mine.npz", "json_fps": 24}, "states its own rate"),
        ({"poses": "nowhere.json"}, "nowhere.json"),
        ({"poses": "foreign.json", "music_start": 3}, "name the song with --music"),
        ({"poses": "foreign.json", "music": "nowhere.wav"}, "nowhere.wav"),
        ({"poses": "song.wav"}, "holds no poses: give a poses.npz, an OpenPose JSON"),
    ],
)
def test_what_cannot_be_is_said_in_words(options, words, made, foreign, song, store, place, monkeypatch):
    monkeypatch.chdir(place)
    np.savez(place / "mine.npz", keypoints=dancing(48, fps=24.0), fps=24, size=(512, 512))
    with pytest.raises(InputError, match=words):
        render(**{"poses": made, **options}, store=store)


def test_the_command_and_what_it_made_can_be_evaluated(foreign, store, place, song, capsys, tmp_path):
    command = ["render", str(foreign), "--music", str(song), "--style", "openpose", "--size", "128x96"]
    assert main([*command, "-o", str(tmp_path / "film.mp4"), "--store", str(store.root), "--json"]) == 0
    assert probe_video(tmp_path / "film.mp4").frames == 90
    dance = imported(store.find(json.loads(capsys.readouterr().out)["digest"]), store)
    assert main(["render", dance.digest[:12], "--size", "128x96", "--store", str(store.root), "-q"]) == 0
    rows = json.loads(evaluate([dance.digest[:12]], store=store).file("metrics.json").read_text())
    assert any("foreign" in str(row) or dance.digest[:8] in str(row) for row in rows["rows"])


def test_a_film_is_painted_from_it_and_another_from_what_was_edited(foreign, store, place, song):
    options = {**QUICK, **FEW, **film_options(tiny_models(place / "models")), "prompt": "a dancer", "music": song}
    film = render(foreign, **options, store=store)
    assert film.summary["frames"] == 60 and probe_video(film.file("video.mp4")).audio is not None
    assert render(foreign, **options, store=store).cached

    def raise_the_hand(number, numbers):
        if number >= 80:
            numbers[13] -= 60

    (place / "late.json").write_text(json.dumps(edited(foreign, raise_the_hand)))
    again = render(place / "late.json", **options, store=store)
    assert again.digest != film.digest and again.summary["segments_computed"] >= 1
    assert np.abs(pictures(again)[-5:] - pictures(film)[-5:]).mean() > 0
