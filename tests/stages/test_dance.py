"""dance: a song in, a video beside you out; every step is made once, and nothing of yours is overwritten."""

from __future__ import annotations

import shutil

import pytest

from dancegen import dance, generate_poses, render
from dancegen.cli import main
from dancegen.errors import AudioError, InputError, NotFoundError
from dancegen.stages.dance import default_names
from dancegen.stages.evaluation_inputs import songs_for_models
from dancegen.stages.songs import find_songs, song_path
from dancegen.store import open_store
from dancegen.video import VideoWriter, probe_video
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model

LOOK = {"style": "openpose", "size": "64x64"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return write_song(tmp_path_factory.mktemp("songs") / "my.song.wav", 2.0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_video_comes_to_where_you_are_and_each_step_is_made_once(here, model, song, own_store):
    first = dance(song, model=model, **LOOK)
    assert [path.name for path in here.iterdir()] == ["my.song.mp4"]
    info = probe_video(here / "my.song.mp4")
    assert info.frames == 60 and info.size == (64, 64) and abs(info.audio.end_s - info.video.end_s) <= 1 / 30
    assert info.metadata["digest"] == first.digest
    again = dance(song, model=model, **LOOK)
    assert again.cached and again.digest == first.digest
    wider = dance(song, model=model, style="openpose", size="96x64")
    assert not wider.cached and len(open_store(own_store).artifacts("generate-poses")) == 1
    assert probe_video(here / "my.song.mp4").size == (96, 64)


def test_the_command_dances_part_of_a_song_and_says_where_the_video_went(here, model, song, capfd):
    options = ["--model", str(model), "--style", "openpose", "--size", "64x64", "--start", "0.5", "--seconds", "1"]
    assert main(["dance", str(song), *options, "--fps", "24"]) == 0
    said = "".join(capfd.readouterr())
    assert "my.song.mp4" in said and probe_video(here / "my.song.mp4").frames == 24
    assert main(["dance", str(song), *options, "-o", "out/short.mp4"]) == 0
    assert probe_video(here / "out" / "short.mp4").frames == 30
    assert main(["inference", str(song), *options, "-o", "out"]) == 0
    assert probe_video(here / "out" / "video.mp4").frames == 30


def test_a_song_that_is_itself_such_a_video_is_not_overwritten(here, model, song):
    import numpy as np

    with VideoWriter("clip.mp4", (64, 64), 10, audio=song) as video:
        for _ in range(20):
            video.write(np.zeros((64, 64, 3), np.uint8))
    before = (here / "clip.mp4").read_bytes()
    dance("./clip.mp4", model=model, sound_only=True, **LOOK)
    assert (here / "clip.mp4").read_bytes() == before and probe_video(here / "clip-dance.mp4").frames == 60
    with pytest.raises(InputError, match="the song itself"):
        dance("clip.mp4", model=model, sound_only=True, output="clip.mp4", **LOOK)
    assert (here / "clip.mp4").read_bytes() == before


def test_a_video_here_that_dancegen_did_not_make_is_kept_and_the_dance_goes_beside_it(here, model, song, capfd):
    (here / "my.song.mp4").write_bytes(b"a holiday film")
    words = ["dance", str(song), "--model", str(model), "--style", "openpose", "--size", "64x64"]
    for more in ([], ["--fps", "24"], ["--force"]):  # the second and third replace the first one's video
        assert main([*words, *more]) == 0
        said = "".join(capfd.readouterr())
        assert "my.song.mp4 is there already, and dancegen did not make it: the video goes to my.song-dance.mp4" in said
        assert sorted(path.name for path in here.iterdir()) == ["my.song-dance.mp4", "my.song.mp4"]
    assert (here / "my.song.mp4").read_bytes() == b"a holiday film"
    assert main([*words, "-o", "my.song.mp4"]) == 2
    assert "dancegen did not make it: choose another name, or --force" in capfd.readouterr().err
    assert (here / "my.song.mp4").read_bytes() == b"a holiday film"
    assert main([*words, "-o", "my.song.mp4", "--force"]) == 0
    assert probe_video(here / "my.song.mp4").frames == 60


def test_a_dance_that_was_edited_is_its_editors(here, model, song):
    import av

    dance(song, model=model, **LOOK)
    with (
        av.open("my.song.mp4") as source,
        av.open("cut.mp4", "w") as target,
    ):  # as `ffmpeg -c copy` does, comment and all
        target.metadata.update(source.metadata)
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    (here / "cut.mp4").replace(here / "my.song.mp4")
    assert "digest" in probe_video(here / "my.song.mp4").metadata
    edited = (here / "my.song.mp4").read_bytes()
    dance(song, model=model, seed=1, **LOOK)
    assert (here / "my.song.mp4").read_bytes() == edited and (here / "my.song-dance.mp4").is_file()


def test_a_video_of_dancegens_that_this_store_does_not_know_is_known_by_its_comment(here, model, song, own_store):
    dance(song, model=model, **LOOK)
    dance(song, model=model, seed=1, store=own_store.parent / "other", **LOOK)
    assert [path.name for path in here.iterdir()] == ["my.song.mp4"]


def test_a_file_that_comes_here_while_the_dance_is_made_is_kept(here, model, song, monkeypatch):
    from dancegen.stages import dance as module

    real = module.render

    def slow(*arguments):
        (here / "my.song.mp4").write_bytes(b"a holiday film")
        return real(*arguments)

    monkeypatch.setattr(module, "render", slow)
    dance(song, model=model, **LOOK)
    assert (here / "my.song.mp4").read_bytes() == b"a holiday film"
    assert probe_video(here / "my.song-dance.mp4").frames == 60


def test_no_result_takes_the_place_of_what_it_is_made_from(here, model, song):
    made = generate_poses(song, model=model, canvas="64x64", output="out")
    shutil.copy(song, "take.npz")
    for given, output in ((made.path / "preview.mp4", made.path / "preview.mp4"), ("take.npz", "take.npz")):
        with pytest.raises(InputError, match="the song itself"):
            generate_poses(given, model=model, output=output, force=True)
    with pytest.raises(InputError, match="is what start pose is read from"):
        generate_poses(song, start_pose="out/poses.npz", output="out/poses.npz", force=True)


def test_dancing_does_not_change_what_render_takes_as_newest(here, model, song, own_store):
    mine = generate_poses(song, model=model, canvas="64x64", seed=5)
    dance(song, model=model, **LOOK)
    assert render(**LOOK).inputs[0].digest == mine.content
    empty = open_store(own_store.parent / "other")
    dance(song, model=model, store=empty, **LOOK)
    for stage in ("generate-poses", "render"):
        assert empty.artifacts(stage)
        with pytest.raises(NotFoundError):
            empty.newest(stage)


@pytest.mark.parametrize(
    "options",
    [
        {"style": "oil"}, {"size": "65x64"}, {"size": "huge"}, {"output": "dance.avi"},
        {"prompt": "a robot", "steps": 0}, {"prompt": "a robot", "base": "/no/model"}, {"prompt": "0:09 a man | a cat"},
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_refused_before_anything_is_danced(options, here, model, song, own_store):
    with pytest.raises(InputError):
        dance(song, model=model, **LOOK | options)
    assert not own_store.exists() and not list(here.iterdir())


def test_no_song_no_dance(here, model):
    for song in ("missing.wav", here):
        with pytest.raises(AudioError):
            dance(song, model=model, **LOOK)
    assert not list(here.iterdir())


def test_demo_is_the_bundled_song_unless_a_file_here_is_called_so(here, song):
    assert song_path("demo").name == "demo.ogg" and song_path("demo").is_file()
    assert next(default_names(song_path("demo"))).name == "demo.mp4"
    assert next(default_names(song_path("demo"), ".mov")).name == "demo.mov"
    shutil.copy(song, "demo")
    assert song_path("demo").resolve() == here / "demo"


def test_demo_is_the_same_song_for_every_command_wherever_it_is_called(here, model, own_store):
    (here / "demo").mkdir()  # a folder is no song, and most people have one of that name
    part = {"model": model, "seconds": 1.5}
    dance("demo", **part, **LOOK)
    assert (here / "demo.mp4").is_file()
    assert generate_poses("demo", **part).cached
    (here / "demo").rmdir()
    asked = [find_songs("demo", "--songs"), find_songs("demo", "--music"), songs_for_models("demo")]
    assert {song.path.name for songs in asked for song in songs} == {"demo.ogg"}
