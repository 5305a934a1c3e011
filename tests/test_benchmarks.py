"""The benchmarks measure what they say they measure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.append(str(REPOSITORY / "tests" / "choreographers"))
from tiny_gan import tiny_model, write_song  # noqa: E402


def benchmark(name: str) -> ModuleType:
    """A script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", REPOSITORY / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


generate = benchmark("generate")


def test_a_frames_cost_is_that_of_the_dance_and_a_peer_of_more_parameters_costs_more(tmp_path):
    song, small = write_song(tmp_path / "song.wav", 3.0), tiny_model(tmp_path / "tiny")
    ours = generate.measure_frames(small, song, 20)
    peer = generate.measure_frames(generate.write_untrained(tmp_path / "peer", "small"), song, 6)
    assert ours["frames"] == 20 and peer["frames"] == 6
    assert peer["parameters"] > 5e6 > 1e6 > ours["parameters"]
    assert peer["cpu_s_per_frame"] > ours["cpu_s_per_frame"] > 0
    assert ours["times_real_time"] == pytest.approx(1 / (10 * ours["s_per_frame"]))


def test_a_song_is_danced_as_a_whole(tmp_path):
    song, model = write_song(tmp_path / "song.wav", 3.0), tiny_model(tmp_path / "tiny")
    found = generate.measure_song(str(model), song, tmp_path / "store")
    assert found["seconds"] == pytest.approx(3.0, abs=0.05)
    assert found["times_real_time"] == pytest.approx(found["seconds"] / found["wall_s"])
    assert len(list((tmp_path / "store" / "generate-poses").glob("*/preview.mp4"))) == 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says it twice")
def test_the_peak_is_the_most_memory_that_this_process_ever_had():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    highest = int(status["VmHWM"].split()[0]) * 1024 / 1e6
    assert 0.98 * highest <= generate.peak_mb() < 100 * highest  # more, if a larger process started this one


def test_a_long_song_is_as_long_as_it_was_asked_to_be(tmp_path, monkeypatch):
    import soundfile

    monkeypatch.setattr(generate, "PIECE_S", 2.0)
    generate.write_song(tmp_path / "song.flac", 5 / 60)
    info = soundfile.info(tmp_path / "song.flac")
    assert info.frames == pytest.approx(5 * info.samplerate, abs=3) and info.channels == 2


def test_the_tables_hold_the_bar_against_every_length():
    row = {"parameters": 6.4e6, "model_fps": 10.0, "s_per_frame": 0.01, "cpu_s_per_frame": 0.01, "peak_mb": 500.0}
    songs = [
        {"minutes": minutes, "wall_s": wall, "cpu_s": wall, "times_real_time": 60 * minutes / wall, "peak_mb": mb}
        for minutes, wall, mb in ((1, 30.0, 600.0), (11, 110.0, 640.0))
    ]
    peer = {**row, "preset": "original", "times_real_time": 0.05}
    found = {
        "model": "gan", "cores": 2, "bar": 3.0, "ours": {**row, "times_real_time": 10.0}, "peer": peer, "songs": songs,
        "ratio_per_frame": 50.0, "ratio_per_second": 200.0,
    }  # fmt: skip
    said = generate.as_text(found)
    assert "1 minutes: 2.0 times faster than real time MISSES" in said
    assert "11 minutes: 6.0 times faster than real time keeps" in said
    assert "Memory grows by 4.0 MB a minute" in said and "busy" not in said
    songs[1]["cpu_s"] = 40.0
    assert "busy" in generate.as_text(found)
