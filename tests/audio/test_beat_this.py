"""Beat This! hears what its own package hears, and its weights come from where that keeps and publishes them."""

from __future__ import annotations

import http.server
import threading

import numpy as np
import pytest
import soundfile
import torch

from dancegen.audio import trackers
from dancegen.audio.load import SAMPLE_RATE, probe
from dancegen.audio.song import find_beats
from dancegen.audio.trackers import BUILT_IN_TRACKER, cached_weights, choose_tracker
from dancegen.errors import InputError, ModelError
from helpers.listening import Listener
from helpers.songs import song_samples
from helpers.tiny_beat_this import save_tiny

pytest.importorskip("beat_this")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("weights") / "tiny.ckpt")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


@pytest.fixture
def server(tmp_path, weights, monkeypatch):
    """The makers' page, on this machine."""
    place = tmp_path / "page"
    place.mkdir()
    (place / "small0.ckpt").write_bytes(weights.read_bytes())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given, **named):
            super().__init__(*given, directory=str(place), **named)

        def log_message(self, format, *given):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        monkeypatch.setattr(trackers, "PAGE", f"http://127.0.0.1:{serving.server_port}")
        yield place
        serving.shutdown()


@pytest.mark.parametrize("seconds", [3.0, 20.0, 65.0])
def test_it_hears_the_beats_and_downbeats_that_its_own_package_does(tmp_path, weights, seconds):
    """Also of songs longer than the blocks in which they are looked at."""
    from beat_this.inference import Audio2Beats

    samples = song_samples(seconds)
    soundfile.write(tmp_path / "song.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    beats = find_beats(probe(tmp_path / "song.wav"), tracker=choose_tracker(weights))
    times, downbeats = Audio2Beats(str(weights))(samples, SAMPLE_RATE)
    assert len(times) > 5 and np.array_equal(beats.times_s, times)
    assert len(downbeats) > 1 and np.array_equal(beats.downbeats_s, downbeats)
    assert beats.metre and beats.tempo_bpm > 0 and len(beats.strength) == len(times)
    assert find_beats(probe(tmp_path / "song.wav")).times_s.tolist() != beats.times_s.tolist()


def test_silence_and_a_song_of_a_second_are_listened_to(tmp_path, weights):
    for seconds in (1.0, 1.01):
        soundfile.write(tmp_path / "short.wav", np.zeros(round(seconds * SAMPLE_RATE)), SAMPLE_RATE)
        assert find_beats(probe(tmp_path / "short.wav"), tracker=choose_tracker(weights)).tempo_bpm >= 0


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "broken.ckpt"
    torch.save({"state_dict": {}}, path) if content is None else path.write_bytes(content)
    soundfile.write(tmp_path / "song.wav", song_samples(3.0), SAMPLE_RATE)
    with pytest.raises(ModelError, match=r"broken\.ckpt"):
        find_beats(probe(tmp_path / "song.wav"), tracker=choose_tracker(path))


def test_the_usual_weights_lie_where_torch_keeps_them(empty_cache):
    assert cached_weights().parent == empty_cache / "hub" / "checkpoints"
    assert str(cached_weights().parent.parent) == torch.hub.get_dir()


def test_what_is_in_the_cache_is_taken_without_asking_anybody(empty_cache, weights):
    cached_weights().parent.mkdir(parents=True)
    cached_weights().write_bytes(weights.read_bytes())
    chosen = choose_tracker("beat-this", offline=True)
    assert chosen.fetched().weights == cached_weights()
    assert chosen.inputs and chosen.inputs != choose_tracker(weights).inputs and BUILT_IN_TRACKER.inputs == ()


def left_beside_locks():
    return [path.name for path in cached_weights().parent.iterdir() if path.suffix != ".lock"]


def test_weights_are_downloaded_once_and_said(empty_cache, server, weights):
    heard = Listener()
    chosen = choose_tracker("beat-this")
    assert not cached_weights().exists(), "choosing downloads nothing"
    inputs = chosen.inputs
    fetched = chosen.fetched(heard).weights
    assert fetched is not None and fetched.read_bytes() == weights.read_bytes()
    assert any("Beat This!" in said and "8 MB" in said for said in heard.said)
    assert heard.tasks == [(f"Downloading {fetched.name}", 8_000_000, fetched.stat().st_size)]
    assert left_beside_locks() == [cached_weights().name]
    (server / "small0.ckpt").unlink()
    chosen.fetched(heard)
    assert choose_tracker("beat-this").inputs == inputs, "the same recipe before and after"


def test_what_cannot_be_downloaded_is_said_and_leaves_nothing(empty_cache, server):
    (server / "small0.ckpt").unlink()
    with pytest.raises(ModelError, match=r"small0\.ckpt could not be downloaded .*404.*built-in"):
        choose_tracker("beat-this").fetched()
    assert left_beside_locks() == []


def test_offline_says_where_the_weights_go(empty_cache):
    with pytest.raises(ModelError, match=rf"--offline.*small0\.ckpt.*{cached_weights()}"):
        choose_tracker("beat-this", offline=True)


def test_other_names_and_a_missing_package_are_said(monkeypatch):
    with pytest.raises(InputError, match="did you mean beat-this"):
        choose_tracker("beatthis")
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'dancegen\[beat-this\]'"):
        choose_tracker("beat-this")
