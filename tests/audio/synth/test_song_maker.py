"""The song synthesiser plays what it is asked for, the same every time, and without faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.audio.synth.patterns import GROOVES, PERCUSSION, beats_a_bar, row_of
from dancegen.audio.synth.song_maker import DEMO, SongSpec, main, random_spec, synthesise
from dancegen.errors import InputError
from helpers.processes import REPOSITORY


def test_a_spec_always_gives_the_same_samples():
    spec = random_spec(5, seconds=8)
    first, second = synthesise(spec), synthesise(spec)
    assert np.array_equal(first.samples, second.samples) and np.array_equal(first.beats_s, second.beats_s)
    assert not np.array_equal(first.samples, synthesise(random_spec(6, seconds=8)).samples)


@pytest.mark.parametrize("pattern", GROOVES)
def test_every_style_plays_at_its_tempo_without_clipping(pattern):
    groove = GROOVES[pattern]
    tempo = sum(groove.tempo) / 2
    song = synthesise(SongSpec(tempo=tempo, metre=groove.metre, pattern=pattern, seconds=8, seed=1))
    assert song.samples.shape == (8 * 44_100, 2) and song.samples.dtype == np.float32
    assert 0.8 < np.abs(song.samples).max() < 1 and np.isfinite(song.samples).all()
    assert np.sqrt((song.samples**2).mean()) > 0.05
    assert np.abs(song.samples[:, 0] - song.samples[:, 1]).max() > 0.01  # stereo
    assert np.diff(song.beats_s) == pytest.approx(60 / tempo)
    for row in groove.rows.values():
        assert len(row) % (beats_a_bar(groove.metre) * groove.steps) == 0


@pytest.mark.parametrize("metre", [3, 4, 6])
@pytest.mark.parametrize("pattern", ["house", "rock", "waltz", "jig", "swing"])
def test_every_style_bends_to_every_metre(pattern, metre):
    row, steps = row_of(GROOVES[pattern], "kick", metre)
    assert len(row) % (beats_a_bar(metre) * steps) == 0 and set(row) & set("xXo")
    song = synthesise(SongSpec(tempo=110, metre=metre, pattern=pattern, seconds=6))
    assert np.abs(song.samples).max() > 0.8


def test_drums_hit_on_the_beats_they_claim():
    """A kick alone, played without humanising: sound starts within 2 ms of each beat and nowhere else."""
    spec = SongSpec(tempo=120, instruments=("kick",), form=("drop",), seconds=10, humanise_ms=0, reverb=0, sidechain=0)
    song = synthesise(spec)
    loud = np.abs(song.samples[:, 0])
    for beat in song.beats_s[4:]:  # behind the cymbal that opens the section
        at = round(beat * 44_100)
        assert loud[at - 441 : at - 44].max() < 0.1 * loud[at : at + 882].max()


def test_a_bending_tempo_moves_evenly_from_one_to_the_other():
    song = synthesise(SongSpec(tempo=100, tempo_end=130, seconds=20, instruments=("kick",)))
    tempi = 60 / np.diff(song.beats_s)
    assert tempi[0] == pytest.approx(100, rel=0.02) and tempi[-1] == pytest.approx(130, rel=0.03)
    assert (np.diff(tempi) > 0).all()


@pytest.mark.parametrize("metre, pattern, bar", [(3, "waltz", 3), (4, "rock", 4), (6, "jig", 2)])
def test_a_song_knows_its_downbeats_and_may_begin_before_the_first(metre, pattern, bar):
    """The kick that only the first beat of a bar has is where the downbeats are."""
    for pickup in range(bar):
        spec = SongSpec(
            tempo=110, metre=metre, pattern=pattern, seconds=10, instruments=("bass",), pickup=pickup, reverb=0,
            form=("drop",), humanise_ms=0,
        )  # fmt: skip
        song = synthesise(spec)
        assert song.bar_beats == bar and song.downbeats_s[0] == song.beats_s[pickup]
        assert np.diff(song.downbeats_s) == pytest.approx(60 / 110 * bar)
        plain = synthesise(replace(spec, pickup=0))
        assert np.array_equal(plain.beats_s, song.beats_s)
        assert pickup == 0 or not np.array_equal(plain.samples, song.samples)
    with pytest.raises(InputError, match="pickup"):
        synthesise(SongSpec(metre=metre, pattern=pattern, pickup=bar))


def test_a_pickup_is_the_end_of_a_bar():
    """A waltz of kicks alone: the first one sounds once the pickup is over."""
    spec = SongSpec(
        tempo=120, metre=3, pattern="waltz", seconds=6, instruments=("kick",), form=("verse",), humanise_ms=0, reverb=0,
        pickup=2,
    )  # fmt: skip
    loud = np.abs(synthesise(spec).samples[:, 0])
    first = np.flatnonzero(loud > 0.1)[0] / 44_100
    assert first == pytest.approx(synthesise(spec).downbeats_s[0], abs=0.02)


def test_a_break_rests_the_drums_and_a_drop_brings_them_back():
    spec = SongSpec(
        form=("verse", "break", "drop"), instruments=("kick", "bass", "pad"), seconds=24, tempo=120, mode="minor"
    )
    song = synthesise(spec)
    seconds = np.abs(song.samples).mean(axis=1)
    spectra = [np.abs(np.fft.rfft(seconds[a * 44_100 : b * 44_100])) for a, b in ((2, 6), (10, 14), (18, 22))]
    pulse = [spectrum[8] / spectrum[0] for spectrum in spectra]  # 2 Hz: the kicks
    assert pulse[1] < 0.3 * min(pulse[0], pulse[2])


def test_random_songs_cover_tempi_styles_and_bands():
    specs = [random_spec(seed) for seed in range(64)]
    tempi = np.sort([spec.tempo for spec in specs])
    assert tempi[0] < 73 and tempi[-1] > 177 and np.diff(tempi).max() < 6
    assert len({spec.pattern for spec in specs}) >= 20
    assert {spec.metre for spec in specs} == {3, 4, 6}
    bands = [{name in PERCUSSION for name in spec.instruments} for spec in specs]
    assert 3 <= bands.count({False}) <= 16 and 3 <= bands.count({True}) <= 16
    assert len({name for spec in specs for name in spec.instruments}) >= 20


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"pattern": "polonaise"}, "polonaise"),
        ({"instruments": ("kazoo",)}, "kazoo"),
        ({"instruments": ()}, "at least one"),
        ({"form": ("chorus",)}, "chorus"),
        ({"metre": 11}, "11"),
        ({"tempo": 1000}, "1000"),
        ({"tempo": float("nan")}, "nan"),
        ({"seconds": 0}, "too short"),
        ({"mode": "phrygian"}, "phrygian"),
    ],
)
def test_what_cannot_be_played_is_refused(wrong, word):
    with pytest.raises(InputError, match=word):
        synthesise(SongSpec(**wrong))


def test_the_command_line_writes_songs(tmp_path, capsys):
    import soundfile

    song = tmp_path / "song.ogg"
    flags = "--tempo 120 --metre 4 --pattern house --instruments kick,snare,bass,chords --seconds 5 --seed 0 -o"
    assert main([*flags.split(), str(song)]) == 0
    info = soundfile.info(song)
    assert (info.samplerate, info.channels, info.duration) == (44_100, 2, 5.0)
    assert main(["--random", "2", "--seconds", "3", "--out", str(tmp_path / "many")]) == 0
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == ["synth_000.ogg", "synth_001.ogg"]
    with pytest.raises(SystemExit):
        main(["--pattern", "polonaise", "-o", str(song)])
    assert "polonaise" in capsys.readouterr().err


def test_the_demo_in_the_assets_is_the_demo_of_the_script():
    from dancegen.audio.load import load

    path = REPOSITORY / "assets" / "demo.ogg"
    assert path.stat().st_size < 600_000
    made, kept = synthesise(DEMO), load(path)
    assert {"break", "build-up", "drop"} <= set(made.sections) and made.samples.shape[0] == 30 * 44_100
    assert len(kept) == pytest.approx(30 * 22_050, abs=2)
    loud = [np.abs(made.samples.mean(axis=1)[second * 44_100 :][:44_100]).mean() for second in range(30)]
    again = [np.abs(kept[second * 22_050 :][:22_050]).mean() for second in range(30)]
    assert np.corrcoef(loud, again)[0, 1] > 0.99
