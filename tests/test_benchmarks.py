"""The benchmarks measure what they say they measure."""

from __future__ import annotations

import json
import re
import sys

import ablation
import beats
import chain
import extract
import full_size
import generate
import harness
import means
import numpy as np
import pytest
import quality
import seeds
import store
import training_data

from dancegen.choreographers.gan.family import Gan
from dancegen.dataset.format import read_clips
from dancegen.pose.drawing import draw_openpose
from dancegen.progress import SILENT
from helpers.benchmark_rows import hold
from helpers.processes import REPOSITORY, run_python
from helpers.songs import write_song
from helpers.tiny_gan import SETTINGS, pose_dataset, tiny_model

SCRIPTS = sorted(path.stem for path in (REPOSITORY / "benchmarks").glob("*.py") if path.stem != "harness")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_says_how_to_run_it_and_prints_json(name):
    ran = run_python(REPOSITORY / "benchmarks" / f"{name}.py", "--help")
    assert ran.returncode == 0, ran.stderr
    assert f"python benchmarks/{name}.py" in ran.stdout and "--json" in ran.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_benchmark_imports_another(name):
    imported = re.findall(r"^\s*(?:from|import) (\w+)", (REPOSITORY / "benchmarks" / f"{name}.py").read_text(), re.M)
    assert "harness" in imported and not set(imported) & set(SCRIPTS)


def test_a_ratio_is_that_of_the_work_to_its_peers_in_the_same_run():
    found = harness.compare({"peer": lambda: spin(1), "ours": lambda: spin(4)}, peer="peer", rounds=3)
    assert list(found) == ["peer", "ours"] and found["peer"].ratio == found["peer"].median_ratio == 1
    assert 2 < found["ours"].ratio < 8 and 2 < found["ours"].median_ratio < 8
    assert found["ours"].ratio == pytest.approx(found["ours"].cpu_s / found["peer"].cpu_s)


def spin(times: int) -> int:
    """Work that takes so many times as long as once: some ten milliseconds."""
    return sum(number * number for number in range(200_000 * times))


def test_the_peak_is_that_of_the_fresh_process_and_not_of_the_one_that_asks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests" / "helpers"))
    small, large = (harness.in_fresh_process(hold, megabytes) for megabytes in (1, 200))
    assert large["held"] == 200_000_000
    assert large["peak_mb"] - small["peak_mb"] == pytest.approx(199, abs=8)
    assert small["peak_mb"] < 100 < harness.peak_mb()  # this process has NumPy and torch


def test_a_failed_process_ends_the_benchmark(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests" / "helpers"))
    with pytest.raises(SystemExit) as ended:
        harness.in_fresh_process(hold, "no number")
    assert ended.value.code == 1


def test_a_table_is_markdown_and_lines_up_for_people():
    lines = harness.table(("what", "s"), [("one", 1), ("another", 10.25)]).splitlines()
    assert lines == ["| what    |     s |", "|---------|------:|", "| one     |     1 |", "| another | 10.25 |"]


def test_the_result_names_the_machine_for_people_and_in_json(capsys):
    harness.show({"seconds": 1.5}, "1.5 s", as_json=False)
    said = capsys.readouterr().out
    assert said.startswith("1.5 s\n\nMeasured on 2") and "cores" in said and "numpy" in said
    harness.show({"seconds": 1.5}, "1.5 s", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] == 1.5 and int(found["machine"]["cores"]) >= 1


def test_what_drawing_is_held_against_draws_the_same_poses():
    poses = harness.synthetic_dance(0.2, 30).keypoints
    ours = [draw_openpose(pose, (512, 512)) for pose in poses]
    np.testing.assert_array_equal(list(harness.drawn_by_controlnet_aux(poses, (512, 512))), ours)
    found = training_data.measure_frames(64, 8)
    assert list(found) == ["controlnet-aux", "draw", "draw heatmaps", "decode heatmaps"]
    assert found["controlnet-aux"].ratio == 1 and all(row.cpu_s > 0 and row.median_ratio > 0 for row in found.values())


def test_a_frames_cost_is_that_of_the_dance_and_a_peer_of_more_parameters_costs_more(tmp_path):
    song, small = write_song(tmp_path / "song.wav", 3.0), tiny_model(tmp_path / "tiny")
    ours = generate.measure_frames(small, song, 20)
    generate.write_untrained(tmp_path / "peer", "small")
    peer = generate.measure_frames(tmp_path / "peer", song, 6)
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


def test_a_long_song_is_as_long_as_it_was_asked_to_be(tmp_path, monkeypatch):
    import soundfile

    monkeypatch.setattr(harness, "PIECE_S", 2.0)
    harness.write_song(tmp_path / "song.flac", 5.0)
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


@pytest.mark.slow
def test_a_dance_is_measured_step_by_step_beside_encoding_its_frames(tmp_path):
    model = tiny_model(tmp_path / "tiny")
    row = chain.measure(2.0, chain.IDLE, tmp_path / "run", ["--size", "128x96"], str(model), 1)
    assert list(row["steps"]) == ["track-beats", "generate-poses", "render"]
    assert row["seconds"] == 2.0 and row["frames"] == row["encoding"]["frames"] == 60
    assert 0 < row["steps"]["track-beats"] < row["steps"]["generate-poses"] < row["wall_s"]
    assert row["ratio"] == pytest.approx(row["wall_s"] / row["encoding"]["wall_s"]) and row["cpu_s"] > 0
    assert row["threads"] > 1 and row["peak_mb"] > 100
    assert list(row["alone"]) == ["1", "as found"] and row["alone"]["1"]["times_real_time"] > 0
    beside = {**row, "which": chain.BESIDE, "cpu_s": 3 * row["cpu_s"]}
    said = chain.as_text([{**row, "ratio": 1.3}, beside])
    assert "2 s, idle: 1.30 times its encoding keeps the bar" in said
    assert "3.00 times the CPU time of the idle run MISSES the bar" in said


def test_a_busy_program_is_there_while_it_is_measured_and_gone_afterwards():
    with chain.surroundings(chain.IDLE) as nobody:
        assert nobody is None
    with chain.surroundings(chain.BESIDE) as busy:
        assert busy is not None and busy.poll() is None
    assert busy.poll() is not None


def test_every_trial_changes_one_setting_of_a_configuration_that_exists():
    every = ablation.trials([experiment.name for experiment in ablation.EXPERIMENTS], 0)
    configs = [Gan().configure("small", {}, ablation.schedule(trial, 60)[1]) for trial in every]
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


@pytest.mark.slow
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
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    l1 = f"{relu['losses']['l1']:.3f}"
    assert ["activation relu", "10", f"{relu['train_s'] / 60:.1f}", l1] in [row[:4] for row in rows]
    assert ["decay", "times 0.8 each epoch", "0.8", "not run"] in rows


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


def test_each_seed_is_a_row_of_what_evaluate_says_then_mean_spread_and_the_ratio_to_real_dance(tmp_path, monkeypatch):
    monkeypatch.setenv("DANCEGEN_STORE", str(tmp_path / "store"))
    (tmp_path / "songs").mkdir()
    write_song(tmp_path / "songs" / "song.wav", 5.0)
    model = tiny_model(tmp_path / "tiny")
    rows, (real, _) = zip(
        *(seeds.evaluate_seed(str(model), tmp_path / "songs", 5.0, seed) for seed in range(2)), strict=True
    )
    assert rows[0]["speed_median"] != rows[1]["speed_median"] and real["speed_median"] > 0.1
    for row in rows:
        assert row["beat margin"] == pytest.approx(row["bas_music"] - row["bas_shifted"])
        assert row["step margin"] == pytest.approx(row["footfall"] - row["footfall_shifted"], nan_ok=True)
    said = [line.strip("| ").split(" | ") for line in seeds.as_text(rows, real).splitlines()]
    table = {line[0].strip(): line[1:] for line in said}
    assert [name for name in table if not name.startswith("-")] == ["seed", "0", "1", "mean", "sd", "real", "ratio"]
    slow, fast = sorted(row["speed_median"] for row in rows)
    assert float(table["mean"][0]) == pytest.approx((slow + fast) / 2, abs=1e-3)
    assert float(table["sd"][0]) == pytest.approx((fast - slow) / 2**0.5, abs=1e-3)
    assert float(table["ratio"][0]) == pytest.approx((slow + fast) / 2 / real["speed_median"], abs=1e-3)


@pytest.mark.slow
def test_the_store_is_measured_beside_its_peers():
    few = ("--small", "2", "--large-mb", "1", "--listed", "12", "--dvc", "no-dvc-here", "--json")
    ran = run_python(REPOSITORY / "benchmarks" / "store.py", *few)
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert {row["peer"] for row in rows} == {"joblib.Memory", "find", "python -c pass"} and len(rows) == 8
    assert all(row["seconds"] > 0 and row["ratio"] > 0 for row in rows)


def test_dvc_publishes_finds_restores_and_hashes_again_beside_the_store(tmp_path):
    """A stand-in for DVC's command that keeps a record of what it was asked for, and does what the stage says."""
    command = tmp_path / "dvc"
    command.write_text(
        f"#!{sys.executable}\nimport pathlib, shutil, sys\n"
        f"open({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + ' ' + "
        "str(pathlib.Path('out.bin').exists()) + '\\n')\n"
        "if sys.argv[1] == 'repro': shutil.copyfile('in.bin', 'out.bin')\n"
    )
    command.chmod(0o755)
    (tmp_path / "work").mkdir()
    rows = store.beside_dvc(tmp_path / "work", str(command), 1000, "a small file")
    assert [row.peer for row in rows] == [
        "dvc repro", "dvc repro, nothing to do", "dvc repro, from the run-cache", "dvc status, hashed again",
    ]  # fmt: skip
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:2] == ["init --no-scm False", "repro False"]
    assert asked[6:12] == ["repro True"] * 3 + ["repro False"] * 3
    assert asked[12:] == ["status True"] * 3


@pytest.mark.slow
def test_looking_for_dancers_is_measured_on_the_same_people(shared_data, shared_weights):
    found = extract.measure_detector(
        shared_data / "video" / "mgt_dancer.avi", str(shared_weights / "openpose-mobilenet-thin.pb"), 3, 1
    )
    peer, ours = found["rows"]
    assert found["pictures"] == 3 and found["differing"] == 0 and peer["times"] == 1
    assert ours["fps"] > 0 and ours["peak_mb"] > 0 and ours["times"] == pytest.approx(peer["cpu_s"] / ours["cpu_s"])


def test_a_handful_of_pictures_is_a_second_of_dance_for_the_whole_stage(shared_data, tmp_path):
    made = extract.prepare_pictures(str(shared_data / "video" / "made_late_audio.mp4"), str(tmp_path), 3)
    (clip,) = read_clips(made["dataset"])
    assert made["pictures"] == 25 and clip.seconds == 1.0


def test_quality_is_that_of_every_song_in_every_genre(tmp_path):
    from dancegen.assets import asset
    from dancegen.metrics.reference import Reference
    from helpers.tiny_diffusion import saved_model

    songs = [write_song(tmp_path / f"{name}.wav", 6.0) for name in "ab"]
    folder = saved_model(tmp_path / "model")
    made, cpu_s = quality.dances(folder, songs, ["stepping"], 6.0, 0)
    assert [dance.seconds for dance in made["stepping"]] == pytest.approx([6, 6], abs=0.1) and cpu_s > 0
    reference = Reference.load(asset("reference.npz"))
    alone, pooled = (quality.figures(made["stepping"], reference, pooled=pooled) for pooled in (False, True))
    assert "fid_k" not in alone and pooled["fid_k"] > 0 and pooled["windows"] >= 4
    assert alone["copying"] == pooled["copying"] > 0 and alone["seconds"] == pytest.approx(12, abs=0.2)


def test_downbeats_are_held_against_every_fourth_beat_of_a_tracker_that_hears_none():
    times = np.arange(0, 30, 0.5)
    known = beats.Known("drums", "made", np.zeros(1), times, times[2::4], "4/4", 120.0)
    assert np.argmax(beats.every_fourth(times, known.downbeats_s)) == 2
    assert beats.every_fourth(times, known.downbeats_s)[2] == 1.0 and beats.every_fourth(times + 0.2, times)[0] == 0
    assert beats.f_measure(times + 0.069, times) == 1.0 and beats.f_measure(times[::2], times) == pytest.approx(2 / 3)


@pytest.mark.slow
def test_both_trackers_hear_the_beats_of_one_song():
    from dancegen.audio.synth.song_maker import SongSpec
    from dancegen.audio.trackers import BUILT_IN_TRACKER

    song = beats._played("waltzes", "waltz", SongSpec(tempo=108, metre=3, pattern="waltz", seconds=12, pickup=1))
    scores = beats.measure(song, BUILT_IN_TRACKER)
    ours, peer, *metres = beats.summary(scores)
    assert ours[:2] == ("waltzes", "dancegen") and peer[:2] == ("waltzes", "librosa") and metres[0][0] == "all in 3/4"
    assert ours[3] > 0.9 and ours[6] > 0.9 and ours[8] == 100
    assert peer[6] <= peer[7] < 0.9, "bars of four are not those of a waltz"


def test_both_ways_paint_the_same_from_the_same_networks_and_noise(tmp_path):
    parameters = full_size.write_models(str(tmp_path), 0.05)
    options = {"size": "64x64", "frames": 8, "steps": 2}
    costs = {way: full_size.measure(way, str(tmp_path), options) for way in (full_size.PEER, "8")}
    assert set(parameters) == {"unet", "text_encoder", "vae", "motion_adapter", "controlnet"}
    assert all(cost["load_mb"] > 0 and cost["paint_mb"] > 0 and cost["paint_cpu_s"] > 0 for cost in costs.values())
    theirs, ours = (np.load(tmp_path / f"{way}.npz") for way in costs)
    assert theirs["pictures"].shape == (8, 64, 64, 3) and theirs["pictures"].std() > 5
    assert np.abs(theirs["latents"] - ours["latents"]).max() < 1e-4 * np.abs(theirs["latents"]).max()
    assert np.abs(theirs["pictures"].astype(int) - ours["pictures"]).max() <= 1


def test_tiles_take_less_memory_and_change_the_picture_and_the_layout_only_rounds(tmp_path):
    options = {"width": 0.05, "size": (192, 192), "frames": 1, "rounds": 1}
    for way in (means.PLAIN, means.TILED, means.LAST):
        found = means.measure("decoder", way, str(tmp_path), options)
        assert found["cpu_s"] > 0
    plain, tiled, last = (np.load(tmp_path / f"decoder-{way}.npy") for way in (means.PLAIN, means.TILED, means.LAST))
    assert plain.shape == tiled.shape and np.abs(plain - last).max() < 1e-4 * np.abs(plain).max()
    assert np.abs(plain - tiled).max() > 1e-2 * np.abs(plain).max()
    (one, *_, many) = means.counted_rows((512, 768))
    assert one["tiled"]["gb"] < one["plain"]["gb"] and one["tiled"]["tflop"] > one["plain"]["tflop"]
    assert many["plain"]["gb"] > 8 * one["plain"]["gb"]
