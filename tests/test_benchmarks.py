"""The benchmarks measure what they say they measure."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dancegen.pose.drawing import draw_openpose
from dancegen.progress import SILENT

REPOSITORY = Path(__file__).resolve().parents[1]
from helpers.songs import write_song  # noqa: E402
from helpers.tiny_gan import SETTINGS, pose_dataset, tiny_model  # noqa: E402


def benchmark(name: str) -> ModuleType:
    """A script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", REPOSITORY / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sys.path.append(str(REPOSITORY / "benchmarks"))  # they are run from where they lie, and one takes a dance from another
generate, ablation, seeds = benchmark("generate"), benchmark("ablation"), benchmark("seeds")
training_data = benchmark("training_data")


def test_what_drawing_is_held_against_draws_the_same_poses():
    poses = training_data.synthetic_dance(0.2, 30).keypoints
    ours = [draw_openpose(pose, (512, 512)) for pose in poses]
    np.testing.assert_array_equal(training_data.drawn_by_the_peer(poses, 512), ours)
    assert list(training_data.measure_frames(64, 6)) == ["peer", "draw", "draw heatmaps", "decode heatmaps"]


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
        {
            "minutes": minutes,
            "seconds": 60.0 * minutes,
            "wall_s": wall,
            "cpu_s": wall,
            "times_real_time": 60 * minutes / wall,
            "peak_mb": mb,
        }
        for minutes, wall, mb in ((1, 30.0, 600.0), (11, 110.0, 640.0))
    ]
    peer = {**row, "preset": "original", "times_real_time": 0.05}
    found = {
        "model": "gan", "cores": 2, "bar": 3.0, "ours": {**row, "times_real_time": 10.0}, "peer": peer, "songs": songs,
        "ratio_per_frame": 50.0, "ratio_per_second": 200.0,
    }  # fmt: skip
    said = generate.as_text(found)
    assert "1 minutes: 2.0 times real time MISSES" in said
    assert "11 minutes: 6.0 times real time keeps" in said
    assert "Memory grows by 4.0 MB a minute" in said and "busy" not in said
    songs[0]["cpu_s"] = 10.0
    said = generate.as_text(found)
    assert "2.0 times real time cannot be held to the bar" in said and "6.0 times, had one core" in said
    assert "busy" in said


def test_every_trial_changes_one_setting_of_a_configuration_that_exists():
    from dancegen.stages.train import configure

    every = ablation.trials([experiment.name for experiment in ablation.EXPERIMENTS], 0)
    flags = (None,) * 8
    configs = [configure("small", *flags, ablation.schedule(trial, 60)[1]) for trial in every]
    base, chance, *others = configs
    assert base == chance and every[0].seed != every[1].seed
    assert base.train.decay_steps == 6 and ablation.schedule(every[0], 60)[0] == 60
    for trial, config in zip(every[2:], others, strict=True):
        steps, _ = ablation.schedule(trial, 60)
        assert config != base or steps != 60, trial
        assert steps == 60 // config.train.batch * int(trial.settings["epochs"])
        assert sum(trial.settings[name] != value for name, value in every[0].settings.items()) == 1
    rates = {config.train.learning_rate for config in configs}
    assert rates == {0.001, 0.0005} and {c.train.decay for c in configs} == {0.8, 0.5, 0.1}
    assert {c.discriminator.extra_layers for c in configs} == {1, 5}
    assert {c.generator.activation for c in configs} == {"leaky", "relu"}


def test_an_ablation_leaves_its_tables_in_the_page_and_goes_on_where_it_stopped(tmp_path, capsys):
    from dancegen.store import open_store

    store = open_store(tmp_path / "store")
    pose_dataset(store)
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{ablation.BEGIN}\nold\n{ablation.END}\n\nafter\n")
    settings = [word for setting in (*SETTINGS, "train.clip_frames=4") for word in ("--set", setting)]
    command = ["--store", str(store.root), "--epoch-clips", "1", "--seconds", "2", "-o", str(page), *settings]
    stopped = ablation.settle(ablation.parse(command), SILENT)
    first = next(ablation.rows_of(ablation.trials([], 0), stopped, SILENT))  # and nobody asks for another
    made = {path.stat().st_mtime_ns for path in store.root.glob("train/*/manifest.json")}
    assert first.steps == 10 and len(made) == 1 and first.losses["l1"] > 0

    assert ablation.main([*command, "--only", "activation", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    base, chance, relu = record["rows"]
    assert base["model"] == first.model and made < {
        path.stat().st_mtime_ns for path in store.root.glob("train/*/manifest.json")
    }
    assert len({row["model"] for row in (base, chance, relu)}) == 3 and record["missing"] == 0
    assert base["figures"]["speed_median"] is not None and record["real_dance"]["speed_median"] > 0.1
    assert record == json.loads(page.with_suffix(".json").read_text())
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert f"| activation relu | 10 | {relu['train_s'] / 60:.1f} | {relu['losses']['l1']:.3f} |" in text
    assert "| decay | times 0.8 each epoch | 0.8 | not run |" in text


@pytest.mark.parametrize(
    "relu, said", [(1.05, "differ by chance"), (1.5, "leaky is best, relu next: agrees"), (0.5, "does not agree")]
)
def test_a_verdict_is_only_given_beyond_chance(relu, said):
    rows = [
        ablation.Row(name, value, 60, "", 1.0, score)
        for name, value, score in (("base", "", 1.0), ("chance", "", 1.1), ("activation", "relu", relu))
    ]
    (experiment,) = (experiment for experiment in ablation.EXPERIMENTS if experiment.name == "activation")
    assert said in ablation.verdict(experiment, rows)


def test_each_seed_is_a_row_of_what_evaluate_says_and_the_last_lines_are_their_mean_and_spread(tmp_path, monkeypatch):
    monkeypatch.setenv("DANCEGEN_STORE", str(tmp_path / "store"))
    (tmp_path / "songs").mkdir()
    write_song(tmp_path / "songs" / "song.wav", 5.0)
    model = tiny_model(tmp_path / "tiny")
    rows = [seeds.row(str(model), tmp_path / "songs", 5.0, seed) for seed in range(2)]
    assert rows[0]["speed_median"] != rows[1]["speed_median"]
    for row in rows:
        assert row["beat margin"] == pytest.approx(row["bas_music"] - row["bas_shifted"])
        assert row["step margin"] == pytest.approx(row["footfall"] - row["footfall_shifted"], nan_ok=True)
    said = [line.split() for line in seeds.as_text(rows).splitlines()]
    assert [line[0] for line in said] == ["seed", "0", "1", "mean", "sd"]
    slow, fast = sorted(row["speed_median"] for row in rows)
    assert float(said[3][1]) == pytest.approx((slow + fast) / 2, abs=1e-3)
    assert float(said[4][1]) == pytest.approx((fast - slow) / 2**0.5, abs=1e-3)
