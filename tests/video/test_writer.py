"""The MP4 a person gets: streams that start and end together, stay in sync, and never a half-written file."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import soundfile

from dancegen.audio.synth.song_maker import random_spec, synthesise, write_song
from dancegen.codecs import CODECS, codec_for
from dancegen.errors import AudioError, DancegenError, InputError
from dancegen.video import VideoWriter, probe_video, read_frames
from helpers.processes import run_python

SIZE = (64, 48)


def noise(path, seconds, rate=44_100, channels=2):
    samples = np.random.default_rng(0).standard_normal((round(rate * seconds), channels)) * 0.1
    soundfile.write(path, samples.astype(np.float32), rate)
    return path


def grey(level=128, size=SIZE):
    return np.full((size[1], size[0], 3), level, np.uint8)


def write(path, count, fps=30, **options):
    with VideoWriter(path, SIZE, fps, **options) as video:
        for index in range(count):
            video.write(grey(index % 256))
    return path


def decoded_sound(path):
    """(samples,) mono and its rate, placed on the container's clock as a player would."""
    import av

    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        parts = [(round(float(f.pts * f.time_base) * rate), f.to_ndarray().mean(0)) for f in container.decode(audio=0)]
    sound = np.zeros(parts[-1][0] + len(parts[-1][1]), np.float32)
    for at, block in parts:
        sound[max(at, 0) : at + len(block)] = block[max(-at, 0) :]
    return sound, rate


@pytest.mark.parametrize("fps", [10, 12.5, 24, 30000 / 1001, 30, 60])
@pytest.mark.parametrize(
    ("name", "rate", "channels", "song_s"),
    [
        ("longer.wav", 44_100, 2, 3),
        ("shorter.wav", 48_000, 1, 0.5),
        ("odd.flac", 22_050, 1, 3),
        ("six.wav", 48_000, 6, 2),
    ],
)
def test_sound_and_picture_start_together_and_end_within_a_frame(tmp_path, fps, name, rate, channels, song_s):
    song = noise(tmp_path / name, song_s, rate, channels)
    info = probe_video(write(tmp_path / "out.mp4", 41, fps, audio=song))
    assert info.frames == 41
    assert info.fps == pytest.approx(fps, rel=1e-4)
    assert info.video.start_s == info.audio.start_s == 0
    assert info.video.seconds == pytest.approx(41 / fps, abs=1e-3)
    assert abs(info.video.end_s - info.audio.end_s) < 1 / fps


@pytest.mark.parametrize("name", ["song.ogg", "song.mp3", "song.flac"])
def test_compressed_songs_are_muxed_from_their_first_sample(tmp_path, name):
    click = np.zeros(44_100 * 2, np.float32)
    click[22_050:22_250] = np.sin(np.arange(200) * 0.4)
    soundfile.write(tmp_path / name, click, 44_100)
    sound, rate = decoded_sound(write(tmp_path / "out.mp4", 45, audio=tmp_path / name))
    assert np.argmax(np.abs(sound)) / rate == pytest.approx(0.5, abs=0.015)


def test_the_song_may_start_later(tmp_path):
    click = np.zeros(44_100 * 4, np.float32)
    click[44_100 * 2 : 44_100 * 2 + 200] = np.sin(np.arange(200) * 0.4)
    soundfile.write(tmp_path / "song.wav", click, 44_100)
    sound, rate = decoded_sound(write(tmp_path / "out.mp4", 45, audio=tmp_path / "song.wav", audio_start_s=1.4))
    assert np.argmax(np.abs(sound)) / rate == pytest.approx(0.6, abs=0.01)


def test_silence_follows_a_song_that_is_over(tmp_path):
    sound, rate = decoded_sound(write(tmp_path / "out.mp4", 60, audio=noise(tmp_path / "song.wav", 1)))
    assert np.abs(sound[: int(0.9 * rate)]).max() > 0.1
    assert np.abs(sound[int(1.1 * rate) :]).max() < 0.01


def test_a_frame_may_be_drawn_over_as_soon_as_it_is_written(tmp_path):
    frame = grey()
    with VideoWriter(tmp_path / "out.mp4", SIZE, 30) as video:
        for level in range(0, 250, 10):
            frame[:] = level
            video.write(frame)
    shown = [picture.mean() for picture in read_frames(tmp_path / "out.mp4")]
    np.testing.assert_allclose(shown, range(0, 250, 10), atol=2)


def test_what_is_lost_of_the_song_is_25_decibels_below_it(tmp_path):
    write_song(synthesise(random_spec(1, seconds=4)), tmp_path / "song.wav")
    written = soundfile.read(tmp_path / "song.wav")[0].mean(axis=1)
    sound, _ = decoded_sound(write(tmp_path / "out.mp4", 120, audio=tmp_path / "song.wav"))
    count = min(len(sound), len(written)) - 2000
    error = sound[:count] - written[:count]
    assert 10 * np.log10(np.mean(written[:count] ** 2) / np.mean(error**2)) > 25


def test_five_minutes_stay_in_sync(tmp_path):
    """A click sounds where a white frame shows, at the start, in the middle and at the end of five minutes."""
    fps, rate, moments = 10, 44_100, (1.0, 150.0, 299.0)
    song = np.zeros(300 * rate, np.float32)
    for moment in moments:
        song[int(moment * rate) : int(moment * rate) + 400] = np.sin(np.arange(400) * 0.3)
    soundfile.write(tmp_path / "song.wav", song, rate)
    with VideoWriter(tmp_path / "out.mp4", (64, 64), fps, audio=tmp_path / "song.wav") as video:
        for index in range(300 * fps):
            video.write(grey(255 if index / fps in moments else 0, (64, 64)))

    white = [index / fps for index, frame in enumerate(read_frames(tmp_path / "out.mp4")) if frame.mean() > 128]
    sound, rate = decoded_sound(tmp_path / "out.mp4")
    heard = [np.argmax(np.abs(sound[int((m - 1) * rate) : int((m + 1) * rate)])) / rate + m - 1 for m in moments]
    assert white == list(moments)
    assert heard == pytest.approx(white, abs=1 / 60)


def test_colours_survive(tmp_path):
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, :32], frame[:, 32:64], frame[:, 64:] = (220, 40, 60), (30, 200, 90), (50, 70, 240)
    with VideoWriter(tmp_path / "out.mp4", (96, 64), 30) as video:
        video.write(frame)
    (shown,) = read_frames(tmp_path / "out.mp4")
    assert np.abs(shown[32, [16, 48, 80]].astype(int) - frame[32, [16, 48, 80]]).max() <= 4


@pytest.mark.parametrize("size", [(96, 64), (98, 66)])
def test_a_frame_may_come_in_planes_in_the_colours_of_the_file(tmp_path, size):
    from dancegen.video.frames import planes_to_rgb

    (width, height), levels = size, (81, 90, 180)  # Y, Cb and Cr of (138, 47, 52)
    planes = np.concatenate([np.full(width * height // (1 if plane == 0 else 4), levels[plane]) for plane in range(3)])
    planes = planes.astype(np.uint8).reshape(height * 3 // 2, width)
    with VideoWriter(tmp_path / "out.mp4", size, 30) as video:
        video.write(planes)
        with pytest.raises(InputError, match="should be"):
            video.write(planes[:-1])
    (shown,) = read_frames(tmp_path / "out.mp4")
    red = 255 / 219 * (81 - 16) + 1.5748 * 255 / 224 * (180 - 128)
    blue = 255 / 219 * (81 - 16) + 1.8556 * 255 / 224 * (90 - 128)
    for picture in (shown, planes_to_rgb(planes)):
        assert picture.shape == (height, width, 3)
        assert np.abs(picture[..., 0] - red).max() <= 3 and np.abs(picture[..., 2] - max(blue, 0)).max() <= 3


def test_planes_are_for_the_codec_that_stores_them_so(tmp_path):
    with VideoWriter(tmp_path / "out.mkv", SIZE, 30) as video:
        with pytest.raises(InputError, match="should be"):
            video.write(np.zeros((72, 64), np.uint8))
        video.write(grey())


def test_the_file_says_which_colours_it_uses_and_can_be_streamed(tmp_path):
    import av

    path = write(tmp_path / "out.mp4", 5)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        next(container.decode(video=0))
        assert context.pix_fmt == "yuv420p"
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_metadata_reads_back(tmp_path):
    said = {"title": "A dance", "digest": "ab12", "command": 'dancegen dance "größer.wav" --seed 3'}
    path = write(tmp_path / "out.mp4", 2, metadata=said)
    assert said.items() <= probe_video(path).metadata.items()


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"the video of yesterday")
    with pytest.raises(RuntimeError), VideoWriter(path, SIZE, 30, audio=noise(tmp_path / "a.wav", 1)) as video:
        video.write(grey())
        raise RuntimeError("the renderer failed")
    assert path.read_bytes() == b"the video of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["a.wav", "out.mp4"]


def test_no_frames_is_an_error_and_no_file(tmp_path):
    with pytest.raises(InputError, match="No frames"), VideoWriter(tmp_path / "out.mp4", SIZE, 30):
        pass
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("path", "size", "fps", "message"),
    [
        ("a.mp4", (63, 48), 30, "even sides. Try 64x48"),
        ("a.mp4", (0, 48), 30, "each side"),
        ("a.mp4", SIZE, 0, "frames a second"),
        ("a.mp4", SIZE, float("nan"), "frames a second"),
        ("a.avi", SIZE, 30, "name the file a.mp4"),
        ("nowhere/a.mp4", SIZE, 30, "no folder"),
    ],
)
def test_impossible_videos_are_refused_in_one_clear_line(tmp_path, path, size, fps, message):
    with pytest.raises(InputError, match=message):
        VideoWriter(tmp_path / path, size, fps)
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))


def test_frames_of_another_size_are_refused(tmp_path):
    with pytest.raises(InputError, match="48x64x3"), VideoWriter(tmp_path / "out.mp4", SIZE, 30) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))


def test_a_song_that_is_none_is_refused_before_any_frame(tmp_path):
    (tmp_path / "song.wav").write_text("not a song")
    with pytest.raises(AudioError, match=r"song\.wav"):
        VideoWriter(tmp_path / "out.mp4", SIZE, 30, audio=tmp_path / "song.wav")
    with pytest.raises(AudioError, match="no song"):
        VideoWriter(tmp_path / "out.mp4", SIZE, 30, audio=tmp_path / "missing.wav")
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))


def test_reading_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    for path, message in ((tmp_path / "text.mp4", "not a video"), (tmp_path / "none.mp4", "no video at")):
        with pytest.raises(InputError, match=message):
            probe_video(path)
    with pytest.raises(InputError, match="only sound"):
        next(read_frames(noise(tmp_path / "a.wav", 1)))


SMALL_AND_LARGE = pytest.mark.parametrize("size", [(128, 96), (288, 256)], ids=["small", "encoded beside"])


@pytest.mark.parametrize("frames", [2, 200])  # found out when it is closed, and while frames still come
@SMALL_AND_LARGE
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, frames, size):
    video = VideoWriter(tmp_path / "out.mp4", size, 30)

    def full(*_):
        raise OSError(28, "No space left on device")

    class FullDisk:
        mux = full
        close = video._container.close

    with pytest.raises(DancegenError, match="No space left"), video:
        video._container = FullDisk()
        for _ in range(frames):
            video.write(grey(size=size))
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))
    with pytest.raises(InputError, match="closed"):
        video.write(grey(size=size))


def test_nothing_is_added_to_a_video_that_is_done(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", SIZE, 30) as video:
        video.write(grey())
    with pytest.raises(InputError, match="closed"):
        video.write(grey())
    video.close()
    assert probe_video(tmp_path / "out.mp4").frames == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("video")]


MEMORY = """
import resource, sys, numpy as np
from dancegen.video import VideoWriter
def peak_mb(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
width, height = int(sys.argv[3]), int(sys.argv[4])
frame = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
with VideoWriter(sys.argv[1], (width, height), 10, audio=sys.argv[2]) as video:
    for index in range(1500):
        video.write(np.roll(frame, index, 1))
        if index == 300: early = peak_mb()
print(peak_mb() - early)
"""


@SMALL_AND_LARGE
def test_memory_does_not_grow_with_length(tmp_path, size):
    """Two and a half minutes of song are 53 MB of samples and the frames 55 MB or more: neither may be held."""
    song = noise(tmp_path / "song.wav", 150, 44_100, 2)
    grown = run_python("-c", MEMORY, tmp_path / "out.mp4", song, *size)
    assert float(grown.stdout) < 15, grown.stderr


SMOOTH = """
import sys, cv2, numpy as np
from dancegen.video import VideoWriter
width, height = int(sys.argv[2]), int(sys.argv[3])
chance = np.random.default_rng(0)
with VideoWriter(sys.argv[1], (width, height), 20) as video:
    for frame in chance.integers(0, 256, (40, height // 8, width // 8, 3)).astype(np.uint8):
        video.write(cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC).copy())
"""


@pytest.mark.parametrize("size", [(64, 1088), (128, 544), (240, 320), (240, 64)])
def test_the_same_frames_give_the_same_bytes_whatever_memory_held_before(tmp_path, size):
    made = []
    for filling in ("0", "165"):  # glibc fills what it hands out
        path = tmp_path / f"{filling}.mp4"
        ran = run_python("-c", SMOOTH, path, *size, MALLOC_PERTURB_=filling)
        assert ran.returncode == 0, ran.stderr
        made.append(path.read_bytes())
    assert made[0] == made[1]


def moving(size=(64, 48), frames=40):
    """Smooth frames whose colours wander: what a codec should keep."""
    y, x = np.mgrid[: size[1], : size[0]]
    for index in range(frames):
        waves = [np.sin((x + index) / 11), np.cos((y - index) / 9), np.sin((x + y) / 13 + index / 7)]
        yield np.stack([np.rint(127.5 + 100 * wave) for wave in waves], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_codec_keeps_pictures_sound_length_and_notes_and_gives_the_same_file_twice(tmp_path, codec):
    song, path = noise(tmp_path / "song.wav", 3), tmp_path / codec.file
    written = []
    for _ in range(2):
        with VideoWriter(path, SIZE, 30, audio=song, metadata={"digest": "abc", "title": "T"}, codec=codec) as video:
            for frame in moving():
                video.write(frame)
        written.append(path.read_bytes())
    info = probe_video(path)
    assert written[0] == written[1]
    assert (info.frames, info.size, info.fps) == (40, SIZE, 30.0)
    assert info.audio.start_s == info.video.start_s == 0 and abs(info.audio.end_s - info.video.end_s) <= 1 / 30
    assert (info.metadata["digest"], info.metadata["title"]) == ("abc", "T")
    errors = [np.abs(got.astype(int) - made).mean() for got, made in zip(read_frames(path), moving(), strict=True)]
    assert max(errors) <= (0 if codec.rgb else 4)
    with_own = {"h264": "h264", "h264-10": "h264", "prores": "prores", "ffv1": "ffv1"}
    import av

    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == with_own[codec.name]
        assert container.streams.video[0].codec_context.pix_fmt == codec.pixels


@pytest.mark.parametrize("name", ["prores", "ffv1"])
def test_editors_get_the_songs_own_samples(tmp_path, name):
    song, codec = noise(tmp_path / "song.wav", 2), CODECS[name]
    with VideoWriter(tmp_path / codec.file, SIZE, 30, audio=song, codec=codec) as video:
        for frame in moving(frames=60):
            video.write(frame)
    import av

    given, _ = soundfile.read(song, always_2d=True)
    with av.open(str(tmp_path / codec.file)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    full = np.iinfo(np.int32).max
    heard = np.concatenate([block if len(block) > 1 else block.reshape(-1, 2).T for block in blocks], axis=1) / full
    assert heard.shape[1] == 2 * 44_100 and np.abs(heard.T - given).max() < 2**-22


def test_a_file_name_chooses_its_codec_or_is_refused(tmp_path):
    assert [codec_for(name).name for name in ("a.mp4", "a.MOV", "a.mkv")] == ["h264", "prores", "ffv1"]
    with pytest.raises(InputError, match=r"prores is written as \.mov: name the file a\.mov"):
        codec_for("a.mp4", "prores")
    with pytest.raises(InputError, match=r"\.mp4 \(h264\).*\.mkv \(ffv1\): name the file a\.mp4"):
        VideoWriter(tmp_path / "a.avi", SIZE, 30)


def test_only_lossless_video_has_odd_sides(tmp_path):
    odd = (65, 49)
    with VideoWriter(tmp_path / "a.mkv", odd, 30) as video:
        video.write(grey(size=odd))
    assert probe_video(tmp_path / "a.mkv").size == odd
    with pytest.raises(InputError, match="even sides"):
        VideoWriter(tmp_path / "a.mov", odd, 30)
