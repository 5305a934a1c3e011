"""Songs of every format are read whole, in blocks and in spans; what is not a song is refused with a clear word."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from dancegen.audio.load import SAMPLE_RATE, blocks, load, probe, write_flac
from dancegen.errors import AudioError

RATE, SECONDS = 44_100, 6


def tune(rate: int = RATE, seconds: float = SECONDS) -> np.ndarray:
    """(N, 2): 440 Hz left and 660 Hz right under a slow swell, with a little noise so that codecs have work."""
    time = np.arange(round(rate * seconds)) / rate
    swell = 0.4 * (1 - 0.5 * np.cos(2 * np.pi * time / 3))
    noise = np.random.default_rng(0).normal(size=(len(time), 2)) * 0.01
    return (
        np.stack([np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 660 * time)], 1) * swell[:, None] + noise
    ).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    if path.suffix in (".m4a", ".aac"):
        return write_av(path, samples, rate)
    import soundfile

    with soundfile.SoundFile(path, "w", rate, samples.shape[1]) as file:
        for first in range(0, len(samples), rate):
            file.write(samples[first : first + rate])
    return path


def write_av(path: Path, samples: np.ndarray, rate: int, faststart: bool = False) -> Path:
    import av

    with av.open(str(path), "w", options={"movflags": "faststart"} if faststart else {}) as container:
        stream = container.add_stream("aac", rate=rate)
        stream.layout = "stereo"
        for first in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[first : first + 1024].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("songs")
    names = ("song.wav", "song.flac", "song.ogg", "song.mp3", "song.m4a", "song.aac")
    return {name.split(".")[1]: write(folder / name, tune()) for name in names}


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "m4a", "aac"])
def test_every_format_gives_the_same_sound(songs, kind):
    info = probe(songs[kind])
    assert (info.sample_rate, info.channels) == (RATE, 2)
    assert info.seconds == pytest.approx(SECONDS, abs=0.06)
    heard, original = load(songs[kind]), load(songs["wav"])
    assert heard.dtype == np.float32 and heard.ndim == 1
    assert len(heard) == pytest.approx(SECONDS * SAMPLE_RATE, abs=0.06 * SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(heard[: 5 * SAMPLE_RATE]))
    loudest = np.sort(np.argsort(spectrum)[::-1][:2]) / 5
    assert loudest == pytest.approx([440, 660], abs=0.5)
    middle = slice(SAMPLE_RATE, 2 * SAMPLE_RATE)
    assert heard[middle].std() == pytest.approx(original[middle].std(), rel=0.05)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_song_begins_where_it_begins_in_every_format(songs, kind):
    """A codec's delay would shift every beat: the best alignment with the original is none."""
    heard, original = load(songs[kind])[:SAMPLE_RATE], load(songs["wav"])[:SAMPLE_RATE]
    correlation = [float(np.dot(np.roll(heard, shift), original)) for shift in range(-20, 21)]
    assert abs(int(np.argmax(correlation)) - 20) <= 1


@pytest.mark.parametrize("block_s", [0.03, 0.7])
@pytest.mark.parametrize("kind", ["flac", "m4a"])
def test_blocks_join_without_a_seam(songs, kind, block_s):
    joined = np.concatenate(list(blocks(songs[kind], sample_rate=SAMPLE_RATE, block_s=block_s)))
    assert np.allclose(joined, load(songs[kind]), atol=1e-6)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_a_span_is_cut_from_the_whole(songs, kind):
    whole, span = load(songs[kind]), load(songs[kind], start_s=2.0, seconds=1.5)
    assert len(span) == pytest.approx(1.5 * SAMPLE_RATE, abs=2)
    edge = 400  # the resampler has no past at the span's start
    cut = whole[2 * SAMPLE_RATE :][edge : len(span) - edge]
    assert np.abs(span[edge : len(span) - edge] - cut).max() < 0.02


def test_resampling_keeps_time_over_a_long_song(tmp_path):
    """48,000 to 22,050 Hz in uneven blocks: a click at 25 s stays there to the sample."""
    import soundfile

    samples = np.zeros((30 * 48_000, 1), np.float32)
    samples[25 * 48_000] = 1
    soundfile.write(tmp_path / "click.wav", samples, 48_000)
    heard = np.concatenate(list(blocks(tmp_path / "click.wav", sample_rate=SAMPLE_RATE, block_s=0.77)))
    assert abs(int(np.abs(heard).argmax()) - 25 * SAMPLE_RATE) <= 1
    assert len(heard) == pytest.approx(30 * SAMPLE_RATE, abs=1)


def test_a_sound_track_of_a_video_is_a_song(shared_data):
    path = shared_data / "video" / "musepose_dance.mp4"
    assert len(load(path)) == pytest.approx(probe(path).seconds * SAMPLE_RATE, rel=0.01)


def test_write_flac_keeps_rate_channels_and_span(songs, tmp_path):
    import soundfile

    write_flac(songs["m4a"], tmp_path / "cut.flac", start_s=1.0, seconds=2.5)
    info = soundfile.info(tmp_path / "cut.flac")
    assert (info.samplerate, info.channels, info.frames) == (RATE, 2, round(2.5 * RATE))
    cut, _ = soundfile.read(tmp_path / "cut.flac")
    whole = np.concatenate(list(blocks(songs["m4a"], mono=False)))
    assert np.abs(cut - whole[RATE : RATE + len(cut)]).max() < 1e-4


def refused(path: Path, **span) -> str:
    """The message a person gets; the file's name is in it."""
    with pytest.raises(AudioError) as caught:
        load(path, **span)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_not_a_song_is_refused_by_its_fault(tmp_path):
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("la la la\n" * 500)
    (tmp_path / "notes.txt").write_text("la la la\n" * 500)
    (tmp_path / "noise.wav").write_bytes(np.random.default_rng(0).bytes(40_000))
    (tmp_path / "picture.ogg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(3000))
    assert "No such file" in refused(tmp_path / "missing.wav")
    assert "directory" in refused(tmp_path)
    assert "empty" in refused(tmp_path / "empty.mp3")
    for name in ("text.mp3", "notes.txt", "noise.wav", "picture.ogg"):
        assert "not audio" in refused(tmp_path / name)


def test_a_video_without_sound_says_so(shared_data):
    assert "no sound" in refused(shared_data / "video" / "pose2sim_trial1_cam01.mp4")


def test_under_one_second_is_too_short(tmp_path, songs):
    assert "too short: 0.50 s" in refused(write(tmp_path / "short.wav", tune(seconds=0.5)))
    assert "too short" in refused(write(tmp_path / "none.wav", tune(seconds=0)))
    assert "Only 0.30 s" in refused(songs["wav"], seconds=0.3)
    assert "cannot start at 7 s" in refused(songs["wav"], start_s=7)
    assert "cannot start at nan s" in refused(songs["wav"], start_s=float("nan"))


def test_samples_that_are_not_numbers_are_refused(tmp_path):
    import soundfile

    samples = tune()
    samples[RATE] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
    assert "not numbers" in refused(tmp_path / "nan.wav")


def stopped_at(path: Path) -> float:
    return float(re.search(r"decoding stopped at ([\d.]+) s", refused(path)).group(1))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_a_song_cut_short_says_where_it_stops(songs, tmp_path, kind):
    if kind == "m4a":  # its index must stand at the front to survive the cut
        data = write_av(tmp_path / "front.m4a", tune(), RATE, faststart=True).read_bytes()
    else:
        data = songs[kind].read_bytes()
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    assert stopped_at(cut) == pytest.approx(0.6 * SECONDS, abs=1.1)


def test_an_m4a_without_its_index_is_damaged_not_unknown(songs, tmp_path):
    cut = tmp_path / "cut.m4a"
    cut.write_bytes(songs["m4a"].read_bytes()[:30_000])
    assert stopped_at(cut) == 0


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3", "m4a"])
@pytest.mark.parametrize("harm", ["garbage", "zeros", "gap"])
def test_damage_in_the_middle_is_found_and_timed(songs, tmp_path, kind, harm):
    data = songs[kind].read_bytes()
    if kind == "m4a" and harm == "gap":
        pytest.skip("moves the index: the test above")
    middle, length = len(data) // 2, 2500
    patch = {"garbage": np.random.default_rng(1).bytes(length), "zeros": bytes(length), "gap": b""}[harm]
    broken = tmp_path / f"broken.{kind}"
    broken.write_bytes(data[:middle] + patch + data[middle + length :])
    assert stopped_at(broken) == pytest.approx(0.5 * SECONDS, abs=1.1)


def test_tags_round_an_mp3_are_no_damage(songs, tmp_path):
    """ID3v2 before, ID3v1 behind, and a second tagged file appended: players play all of it."""
    data = songs["mp3"].read_bytes()
    tag = b"ID3\x03\x00\x00\x00\x00\x02\x00" + bytes(256)
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(tag + data + b"TAG" + b"song".ljust(125, b"\0"))
    assert probe(tagged).seconds == pytest.approx(SECONDS, abs=0.1)


def test_real_songs_are_whole(shared_data):
    import soundfile

    for path in sorted((shared_data / "music").glob("*.ogg")):
        decoded = sum(len(block) for block in blocks(path)) / soundfile.info(path).samplerate
        assert probe(path).seconds == pytest.approx(decoded, abs=0.01) and decoded > 15


def test_reading_a_song_says_nothing_on_stderr(songs, tmp_path, capfd):
    """libmpg123 likes to comment on files that are no MP3."""
    (tmp_path / "text.mp3").write_text("la la la\n" * 500)
    (tmp_path / "cut.mp3").write_bytes(songs["mp3"].read_bytes()[:40_000])
    for name in ("text.mp3", "cut.mp3"):
        refused(tmp_path / name)
    time = np.arange(6 * 8000) / 8000
    load(write(tmp_path / "telephone.mp3", 0.5 * np.sin(900 * time[:, None] ** 2).astype(np.float32), 8000))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_streamed_is_read_to_its_end(songs, tmp_path, size):
    data = bytearray(songs["wav"].read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = size.to_bytes(4, "little")
    (tmp_path / "streamed.wav").write_bytes(data)
    assert np.allclose(load(tmp_path / "streamed.wav"), load(songs["wav"]), atol=1e-4)


def test_a_flac_that_was_streamed_is_read_to_its_end(songs, tmp_path):
    """Its header says that it has no samples, for nobody knew how many there would be."""
    data = bytearray(songs["flac"].read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "streamed.flac").write_bytes(data)
    assert len(load(tmp_path / "streamed.flac")) == pytest.approx(SECONDS * SAMPLE_RATE, abs=2)


def test_songs_that_follow_one_another_in_one_ogg_file_are_all_read(songs, tmp_path):
    data, path = songs["ogg"].read_bytes(), tmp_path / "chained.ogg"
    path.write_bytes(data + data)
    assert probe(path).seconds == pytest.approx(2 * SECONDS, abs=0.01)
    one, both = load(songs["ogg"]), load(path)
    assert len(both) == pytest.approx(2 * len(one), abs=0.02 * SAMPLE_RATE)
    assert both[len(one) + SAMPLE_RATE :].std() == pytest.approx(one[SAMPLE_RATE:].std(), rel=0.05)
    path.write_bytes(data + write(tmp_path / "mono.ogg", tune()[:, :1]).read_bytes())
    assert "2 songs one after the other, in different formats" in refused(path)
    path.write_bytes(data + data[: len(data) // 2])
    assert stopped_at(path) == pytest.approx(1.5 * SECONDS, abs=1.1)


def lying(path: Path, at: int, value: int, size: int = 4) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + size] = value.to_bytes(size, "little")
    target = path.with_name(f"lying{at}-{value}.wav")
    target.write_bytes(data)
    return target


def test_a_header_that_lies_ends_in_words(songs):
    for path in (lying(songs["wav"], 24, 1), lying(songs["wav"], 24, 4_000_000_000), lying(songs["wav"], 22, 600, 2)):
        message = refused(path)
        assert "header is damaged" in message or "not audio" in message or "cannot be read" in message


def test_blocks_never_hold_the_song(tmp_path):
    """Ten minutes would be 212 MB as float64 stereo; a block at a time needs a few."""
    import tracemalloc

    import soundfile

    with soundfile.SoundFile(tmp_path / "long.flac", "w", RATE, 2) as file:
        for _ in range(120):
            file.write(np.zeros((RATE, 2), np.float32))
    for _ in blocks(tmp_path / "long.flac", sample_rate=SAMPLE_RATE, seconds=20):
        pass
    tracemalloc.start()
    heard = sum(len(block) for block in blocks(tmp_path / "long.flac", sample_rate=SAMPLE_RATE))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert heard == pytest.approx(120 * SAMPLE_RATE, abs=2) and peak < 20e6
    os.remove(tmp_path / "long.flac")
