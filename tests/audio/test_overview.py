"""What a timeline shows of a song."""

from __future__ import annotations

import json

import numpy as np
import soundfile

from dancegen.audio.overview import LOUDEST, PEAKS_A_SECOND, overview, peaks
from dancegen.audio.song import analyse
from helpers.songs import write_song


def test_peaks_lie_where_the_song_is_loud(tmp_path):
    rate = 8_000
    sound = np.zeros(4 * rate)
    sound[rate : 2 * rate] = 0.5 * np.sin(np.arange(rate) * 0.3)
    sound[3 * rate] = -1.0
    soundfile.write(tmp_path / "song.wav", sound, rate, subtype="FLOAT")
    found = np.array(peaks(tmp_path / "song.wav", 4.0))
    assert len(found) == 4 * PEAKS_A_SECOND
    assert found.argmax() == 3 * PEAKS_A_SECOND and found.max() == LOUDEST
    assert (found[:PEAKS_A_SECOND] == 0).all() and (found[2 * PEAKS_A_SECOND : 3 * PEAKS_A_SECOND] == 0).all()
    assert np.allclose(found[PEAKS_A_SECOND + 2 : 2 * PEAKS_A_SECOND - 2], LOUDEST / 2, atol=4)


def test_times_are_those_of_the_whole_song(tmp_path):
    song = write_song(tmp_path / "song.wav", 12.0)
    heard = analyse(song)
    here, later = overview(heard, song, [0.0, 4.0]), overview(heard, song, [0.0, 4.0], start_s=30.0)
    json.dumps(here)
    assert here["seconds"] == later["seconds"] and later["start_s"] == 30.0
    for name in ("beats_s", "downbeats_s", "phrases_s"):
        assert here[name] and np.allclose(np.array(later[name]) - here[name], 30.0)
    assert set(here["downbeats_s"]) <= set(here["beats_s"])
    assert later["sections"][0]["start_s"] == 30.0 and later["sections"][-1]["end_s"] == 42.0
