"""evaluate: one table and one page for models, poses and videos, made once, beside real dance and baselines."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence

import numpy as np
import pytest

from dancegen import choreographers, evaluate, generate_poses, render
from dancegen.cli import main
from dancegen.detectors.registry import DetectorSpec
from dancegen.errors import InputError
from dancegen.metrics.reference import REAL, Reference
from dancegen.pose.detections import People
from dancegen.pose.openpose_json import write_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.evaluation_inputs import songs_for_models
from dancegen.store import open_store
from dancegen.video import VideoWriter
from helpers.processes import run
from helpers.songs import write_song
from helpers.tiny_gan import pose_dataset, tiny_model

KEYS = (
    "speed_median", "freeze_ratio", "accel_mean", "missing", "limb_p99_max", "variety", "copying", "bas_music",
    "bas_motion", "bas_shifted", "footfall", "footfall_shifted", "fid_k", "fid_g",
)  # fmt: skip
BASELINES = ["baseline:freeze", "baseline:random", "baseline:shuffle", "baseline:copy"]


@pytest.fixture(scope="module")
def dataset(store):
    return pose_dataset(store, seconds=7.0)


@pytest.fixture(scope="module")
def model(place):
    return tiny_model(place / "mine")


@pytest.fixture(scope="module")
def songs(place):
    (place / "songs").mkdir()
    write_song(place / "songs" / "slow.wav", 8.0, bpm=100)
    write_song(place / "songs" / "fast.wav", 8.0, bpm=130, pitch=330)
    return place / "songs"


@pytest.fixture(scope="module")
def made(store, dataset, model, songs):
    return evaluate([model], songs=songs, reference=dataset, store=store)


@pytest.fixture(scope="module")
def poses(store, model, songs):
    return generate_poses(songs / "slow.wav", model=model, canvas="96x96", store=store)


def rows(artifact) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(artifact.file("metrics.json").read_text())["rows"]}


def test_real_dance_the_model_and_the_baselines_are_rows_with_the_promised_keys(made):
    found = rows(made)
    assert list(found) == [REAL, "mine", *BASELINES]
    for name, row in found.items():
        assert set(KEYS) <= set(row), name
        assert all(row[key] is None or np.isfinite(row[key]) for key in KEYS)
    assert found["mine"]["seconds"] == pytest.approx(16) and found["mine"]["copying"] > 0
    assert found["baseline:freeze"]["freeze_ratio"] == 1 and found["baseline:freeze"]["fid_k"] > found[REAL]["fid_k"]
    assert found["baseline:random"]["copying"] < 0.01 < found["mine"]["copying"]
    assert made.summary["figures"]["mine"]["speed_median"] == found["mine"]["speed_median"]


def test_each_dance_has_its_own_figures_too(made):
    dances = json.loads(made.file("metrics.json").read_text())["dances"]
    assert [(d["row"], d["song"]) for d in dances if d["row"] == "mine"] == [("mine", "fast"), ("mine", "slow")]
    assert all(np.isfinite(d["speed_median"]) for d in dances) and len(dances) == 10


def test_the_page_holds_everything_it_shows(made):
    page = made.file("report.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:)', page) == [] and "http" not in re.sub(r"data:[^\"]*", "", page)
    for part in ("<table>", 'class="chart"', 'class="scatter"', "data:video/mp4", "data:image/jpeg", *BASELINES):
        assert part in page
    assert page.count("<video") == 6  # real dance, the model and four baselines
    assert page.count("<section") == page.count("</section")


def test_the_page_has_the_controls_as_rows_and_every_other_figure_in_a_second_table(made):
    page = made.file("report.html").read_text()
    first, second = (table.split("</table>")[0] for table in page.split("<table>")[1:])
    named = re.compile(r'<th scope="row">(?:<i[^>]*></i>)?([^<]*)</th>')
    own = ["a quarter beat off", "another song"]
    # All clips of the dataset are to one song: no other one stands under real dance.
    assert named.findall(first) == [REAL, own[0], "mine", *own, *BASELINES]
    assert named.findall(second) == [REAL, "mine", *BASELINES]
    found = rows(made)["mine"]
    cells = {}
    for table in (first, second):
        (line,) = (line for line in table.split("<tr")[1:] if ">mine<" in line)
        cells |= zip(re.findall(r"<th title=[^>]*>([^<]*)<", table), re.findall("<td>([^<]*)<", line), strict=True)
    shown = {"diversity k": "diversity_k", "diversity g": "diversity_g", "step other": "footfall_other"}
    assert all(float(cells[title]) == pytest.approx(found[key], abs=0.05) for title, key in shown.items())
    assert float(cells["jerk"]) == round(found["jerk_mean"]) and cells["windows"] == "8"
    assert {"twisted", "swaps", "stretched", "beat other"} <= set(cells)


def test_the_videos_in_the_page_play_with_their_music(made, tmp_path):
    import base64

    from dancegen.video import probe_video

    coded = re.findall(r"data:video/mp4;base64,([A-Za-z0-9+/=]+)", made.file("report.html").read_text())
    (tmp_path / "one.mp4").write_bytes(base64.b64decode(coded[1]))
    info = probe_video(tmp_path / "one.mp4")
    assert info.frames == 120 and info.audio is not None


def test_the_same_question_is_answered_from_the_store_and_another_is_not(made, store, dataset, model, songs):
    assert evaluate([model], songs=songs, reference=dataset, store=store).cached
    assert evaluate(model, songs=songs, reference=dataset, store=store).digest == made.digest
    for other in ({"seconds": 2.0}, {"reference": made.file("reference.npz")}):
        asked = {"songs": songs, "reference": dataset, "store": store} | other
        assert evaluate([model], **asked).digest != made.digest


def test_the_dataset_is_an_input_since_the_baselines_dance_with_it(made, dataset):
    assert {"dataset": dataset.content}.items() <= {item.role: item.digest for item in made.inputs}.items()


def test_a_reference_made_from_a_dataset_stands_in_for_it(made, store, poses, dataset, songs):
    again = evaluate([poses], reference=made.file("reference.npz"), store=store)
    found, before = rows(again), rows(made)
    assert list(found) == [REAL, f"slow {poses.digest[:8]}", *BASELINES]
    assert found["baseline:copy"]["variety"] == before["baseline:copy"]["variety"]
    assert found[REAL]["fid_g"] == before[REAL]["fid_g"]
    asked = evaluate([poses], songs=songs, reference=dataset, store=store)
    name = f"slow {poses.digest[:8]}"
    assert found[name]["copying"] == rows(asked)[name]["copying"] > 0.03
    assert json.loads(made.file("metrics.json").read_text())["notes"] == []
    assert "reference.npz" not in {entry.path for entry in again.files}


def test_a_dataset_alone_makes_a_reference(store, dataset, songs):
    made = evaluate(songs=songs, reference=dataset, store=store)
    real = Reference.load(made.file("reference.npz"))
    assert list(real.rows) == [REAL, *BASELINES] and real.about["training_takes"] == 5
    assert made.file("reference.npz").stat().st_size < 200_000


def test_poses_are_taken_as_artifact_npz_json_and_folder(place, store, poses):
    sequence = PoseSequence.load(poses.file("poses.npz"))
    shutil.copy(poses.file("poses.npz"), place / "bare.npz")
    write_openpose_json(sequence, place / "dance.json")
    beside = place / "beside"
    beside.mkdir()
    for name in ("poses.npz", "beats.json", "audio.flac"):
        shutil.copy(poses.file(name), beside / name)
    folder = place / "frames"
    folder.mkdir()
    for number, frame in enumerate(json.loads(poses.file("openpose.json").read_text())):
        (folder / f"dance_{number:03d}_keypoints.json").write_text(json.dumps(frame))
    found = rows(
        evaluate(
            [poses.digest[:10], place / "bare.npz", place / "dance.json", beside / "poses.npz", folder], store=store
        )
    )
    names = [f"slow {poses.digest[:8]}", "bare", "dance", "beside", "frames"]
    assert [name for name in found if name in names] == names
    for name in names:
        assert found[name]["speed_median"] == pytest.approx(found["bare"]["speed_median"], rel=0.02)
    assert found["bare"]["bas_music"] is None and found["beside"]["bas_music"] == found[names[0]]["bas_music"]


def test_what_shows_nobody_is_a_row_that_says_so_and_the_others_are_measured(place, store, poses, capfd):
    (place / "unseen").mkdir()
    nobody = PoseSequence(np.zeros((90, 18, 3)), 30.0)
    nobody.save(place / "unseen" / "nobody.npz")
    write_openpose_json(nobody, place / "unseen" / "empty.json")
    named = [place / "unseen" / "nobody.npz", place / "unseen" / "empty.json", poses.path]
    assert main(["evaluate", *map(str, named), "--store", str(store.root)]) == 0
    out = capfd.readouterr().out
    for name in ("nobody", "empty"):
        (line,) = (line for line in out.splitlines() if line.split()[:1] == [name])
        assert set(line.split()[1:]) == {"-", "1.00"}  # all joints are missing; nothing else is known
        assert f"{name}: nobody is shown" in out
    made = evaluate(named, store=store)
    found = rows(made)
    for name in ("nobody", "empty"):
        assert found[name]["missing"] == 1 and found[name]["speed_median"] is found[name]["fid_k"] is None
    assert found[f"slow {poses.digest[:8]}"]["speed_median"] == poses.summary["speed_median"]
    assert made.file("report.html").read_text().count("Nobody is shown") == 2


def test_openpose_json_is_read_at_the_rate_that_is_said(place, store, poses):
    sequence = PoseSequence.load(poses.file("poses.npz")).resample(24.0)
    sequence.save(place / "film.npz")
    write_openpose_json(sequence, place / "film.json")
    right, wrong = (
        evaluate([place / "film.npz", place / "film.json"], json_fps=fps, store=store) for fps in (24.0, 30.0)
    )
    for key in ("seconds", "speed_median", "accel_mean"):
        assert rows(right)["film (2)"][key] == pytest.approx(rows(right)["film"][key], rel=1e-3)
    assert wrong.digest != right.digest and rows(wrong)["film (2)"]["seconds"] == pytest.approx(6.4)
    assert rows(wrong)["film"] == rows(right)["film"]


def test_the_advice_for_poses_without_a_canvas_works_for_the_command_that_was_used(place, store, poses, capsys):
    shares = json.loads(poses.file("openpose.json").read_text())
    for frame in shares:
        width, height = frame.pop("canvas_width"), frame.pop("canvas_height")
        for person in frame["people"]:
            flat = person["pose_keypoints_2d"]
            person["pose_keypoints_2d"] = [v / (width, height, 1)[i % 3] for i, v in enumerate(flat)]
    (place / "shares.json").write_text(json.dumps(shares))
    command = ["evaluate", str(place / "shares.json"), "--store", str(store.root)]
    assert main(command) == 2
    advice = re.search(r"--json-canvas \S+", capsys.readouterr().err)
    assert advice is not None
    assert main([*command, *advice[0].split(), "--json"]) == 0
    said = evaluate(place / "shares.json", json_canvas=f"{width}x{height}", store=store)
    shutil.copy(poses.file("openpose.json"), place / "pixels.json")
    wanted = rows(evaluate(place / "pixels.json", store=store))["pixels"]
    assert rows(said)["shares"]["speed_median"] == pytest.approx(wanted["speed_median"], rel=1e-3)


def test_a_name_is_shown_and_never_taken_for_a_tag(place, store, poses):
    name = 'a b <img src=x onerror="alert(1)">&amp;'
    shutil.copy(poses.file("poses.npz"), place / f"{name}.npz")
    made = evaluate(place / f"{name}.npz", store=store)
    page = made.file("report.html").read_text(encoding="utf-8")
    assert name in rows(made) and "<img src=x" not in page
    assert "a b &lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;amp;" in page


def test_two_of_one_name_are_two_rows(store, place, poses):
    for name in ("one", "two"):
        (place / name).mkdir()
        shutil.copy(poses.file("poses.npz"), place / name / "same.npz")
    found = rows(evaluate([place / "one" / "same.npz", place / "two" / "same.npz"], store=store))
    assert {"same", "same (2)"} <= set(found)


def test_a_video_is_watched_and_its_poses_are_known_but_need_a_detector(store, poses, place):
    video = render(poses, style="openpose", size="96x96", store=store)
    shutil.copy(video.file("video.mp4"), place / "copied.mp4")
    made = evaluate([video, place / "copied.mp4"], store=store)
    found = rows(made)
    assert ["--detector" in note for note in json.loads(made.file("metrics.json").read_text())["notes"]] == [True]
    for name in (f"video {video.digest[:8]}", "copied.mp4"):
        assert 0 <= found[name]["flicker"] < 0.05 and "pck" not in found[name]
        assert (f"requested {name}", poses.content) in {(item.role, item.digest) for item in made.inputs}


class Seer:
    """A detector that knows what to see: it is shown every third frame of a video at 30 frames a second."""

    batch = 4

    def __init__(self, keypoints: np.ndarray):
        self._people = iter(keypoints[::3])

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        return [People(next(self._people)[None]) for _ in frames]


def test_the_pose_that_was_asked_for_is_compared_with_the_one_that_is_seen(store, poses, place, monkeypatch):
    video = render(poses, style="openpose", size="96x96", store=store)
    asked = PoseSequence.load(poses.file("poses.npz")).keypoints
    late = np.concatenate([asked[30:], asked[:30]])
    found = {}
    for name, seen in {"right": asked, "late": late, "nobody": np.zeros_like(asked)}.items():
        weights = place / f"{name}.pb"
        weights.write_text(name)
        monkeypatch.setattr(DetectorSpec, "load", lambda self, device, seen=seen: Seer(seen))
        found[name] = rows(evaluate(video, detector=weights, store=store))[f"video {video.digest[:8]}"]
    assert found["right"]["pck"] == 1 and found["right"]["pose_error"] < 0.01
    assert found["late"]["pose_error"] > 2 * found["right"]["pose_error"]
    assert found["nobody"]["pck"] == 0 and any("found none" in note for note in found["nobody"]["notes"])


def test_a_video_from_elsewhere_says_why_its_poses_are_not_compared(store, poses, place):
    weights = place / "weights.pb"
    weights.write_bytes(b"not read: no poses are known")
    shutil.copy(poses.file("preview.mp4"), place / "foreign.mp4")
    found = rows(evaluate(place / "foreign.mp4", detector=weights, store=store))
    assert any("does not know the poses" in note for note in found["foreign.mp4"]["notes"])


def test_a_video_that_names_what_is_no_render_is_watched_all_the_same(store, place):
    frame = np.full((64, 64, 3), 90, np.uint8)
    for number, digest in enumerate((str(place), "0" * 64, "../..", "")):
        with VideoWriter(place / f"says{number}.mp4", (64, 64), 30.0, metadata={"digest": digest}) as video:
            video.write(frame)
            video.write(frame)
        assert rows(evaluate(place / f"says{number}.mp4", store=store))[f"says{number}.mp4"]["flicker"] < 0.01


def test_nothing_is_called_like_real_dance_or_a_baseline_that_it_is_not(place, store, poses, model):
    shutil.copytree(model, place / REAL)
    shutil.copy(poses.file("poses.npz"), place / "baseline:copy.npz")
    for path in (place / REAL, place / "baseline:copy.npz"):
        with pytest.raises(InputError, match="like a row of the table"):
            evaluate(path, store=store)


def test_the_same_song_twice_and_what_macos_leaves_beside_it_are_one_song(songs, tmp_path):
    shutil.copy(songs / "slow.wav", tmp_path / "slow.wav")
    shutil.copy(songs / "slow.wav", tmp_path / "slow again.wav")
    (tmp_path / "._slow.wav").write_bytes(b"not a song")
    assert [song.path.name for song in songs_for_models(tmp_path)] == ["slow again.wav"]


def test_baselines_are_models_that_anyone_can_name(store, dataset, songs, place):
    made = generate_poses(songs / "slow.wav", model="baseline:freeze", store=store, canvas="64x64")
    assert made.summary["freeze_ratio"] == 1 and "stands still for 100%" in made.summary["verdict"]
    own = open_store(place / "other")
    with pytest.raises(InputError, match="baseline:freeze dances with the clips of a pose dataset"):
        evaluate(["baseline:freeze"], songs=songs, store=own)


def test_the_summary_of_generated_poses_says_what_their_files_say(poses):
    """Worked out here anew from poses.npz and beats.json, with the definitions of the README."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    sequence = PoseSequence.load(poses.file("poses.npz"))
    beats = np.array(json.loads(poses.file("beats.json").read_text())["times_s"])
    body = sequence.keypoints[:, 1:14].astype(float)
    assert sequence.fps == 30 and (body[..., 2] > 0).all() and len(beats) > 5
    ankles = body[:, [9, 12], :2].mean(axis=1)
    height = np.percentile(np.linalg.norm(body[:, 0, :2] - ankles, axis=1), 95) / 0.82
    places = body[..., :2] / height
    speed = np.linalg.norm(np.diff(places, axis=0), axis=2) * 30
    seconds = [speed[start : start + 30].mean() for start in range(0, len(speed) - 29, 15)]
    halts, _ = find_peaks(-gaussian_filter1d(np.linalg.norm(np.gradient(places, axis=0), axis=2).mean(axis=1), 2.49))

    def near(music: np.ndarray) -> float:
        music = music[(music >= 0) & (music <= (len(body) - 1) / 30)]
        apart = np.abs(music[:, None] - halts / 30).min(axis=1)
        return float(np.exp(-(apart**2) / (2 * 0.05**2)).mean())

    quarter = np.median(np.diff(beats)) / 4
    expected = {
        "speed_median": np.median(speed),
        "accel_mean": np.linalg.norm(np.diff(places, 2, axis=0), axis=2).mean() * 900,
        "freeze_ratio": np.mean(np.array(seconds) < 0.1),
        "missing": (body[..., 2] < 0.5).mean(),
        "bas_music": near(beats),
        "bas_shifted": (near(beats - quarter) + near(beats + quarter)) / 2,
    }
    for name, value in expected.items():
        assert poses.summary[name] == pytest.approx(value, rel=0.01, abs=1e-3), name
    assert 0 <= poses.summary["footfall"] <= 1 and 0 <= poses.summary["footfall_shifted"] <= 1
    trembles = poses.summary["accel_mean"] > 2.5 * 3
    assert ("trembles" in poses.summary["verdict"]) == trembles and poses.summary["verdict"]


def test_the_command_prints_one_table_or_one_json_object(place, store, poses, capfd):
    arguments = ["evaluate", str(poses.path), "--store", str(store.root)]
    assert main(arguments) == 0
    out = capfd.readouterr().out
    assert out.splitlines()[0].split()[:3] == ["speed", "accel", "freeze"] and "real dance" in out
    assert "report.html" in out and "{" not in out and "windows of three seconds" in out
    assert out.count("takes two songs") == 1 and "copying" in out.splitlines()[0].split()
    assert main([*arguments, "--json", "-o", str(place / "mine.html")]) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["stage"] == "evaluate" and result["cached"] and REAL in result["summary"]["figures"]
    assert (place / "mine.html").read_text().startswith("<!doctype html>")
    assert main(["artifacts", "show", result["digest"], "--store", str(store.root)]) == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "name something"),
        (["nonsense"], "no poses and no video"),
        (["{place}"], "neither a model"),
        (["{place}/notes.txt"], "cannot be evaluated"),
        (["{place}/broken.npz"], "broken.npz"),
        (["{place}/broken.json"], "broken.json"),
        (["{place}/broken.mp4"], "broken.mp4"),
        (["{place}/still.npz"], "still.npz holds no frames"),
        (["baseline:polka"], "baseline:freeze"),
        (["gan", "--songs", "{place}/nowhere"], "nowhere"),
        (["gan", "--songs", "{place}/empty"], "holds no songs"),
        (["gan", "--start", "900"], "demo.ogg: --start 900"),
        (["gan", "--seconds", "0.2"], "--seconds 0.2"),
        (["gan", "--reference", "{place}/notes.txt"], "notes.txt is not a reference"),
        (["gan", "--reference", "{place}/nobody.npz"], "nobody.npz is not a reference"),
        (["gan", "--reference", "{place}/array.npz"], "array.npz is not a reference"),
        (["gan", "--json-fps", "0"], "--json-fps 0"),
        (["gan", "--reference", "abcdef"], "no artifact begins with abcdef"),
        (["{place}/broken.mp4", "--detector", "{place}/empty"], "broken.mp4"),
    ],
)
def test_what_cannot_be_evaluated_ends_with_2_and_one_line(arguments, words, tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "broken.npz", "broken.json", "broken.mp4"):
        (tmp_path / name).write_text("la la la")
    PoseSequence(np.zeros((90, 18, 3)), 30.0).save(tmp_path / "nobody.npz")
    PoseSequence(np.zeros((0, 18, 3)), 30.0).save(tmp_path / "still.npz")
    with open(tmp_path / "array.npz", "wb") as file:
        np.save(file, np.zeros(3))
    assert main(["evaluate", *(text.format(place=tmp_path) for text in arguments)]) == 2
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == "" and len(lines) == 1 and words in lines[0] and "Traceback" not in err


def test_what_are_no_weights_is_refused(tmp_path, capfd, poses):
    (tmp_path / "wrong.txt").write_text("la")
    video = str(poses.file("preview.mp4"))
    assert main(["evaluate", video, "--detector", str(tmp_path / "wrong.txt")]) == 2
    assert "body_pose_model.pth" in capfd.readouterr().err


def test_a_process_of_its_own_evaluates_with_the_bundled_reference(store, poses):
    done = run("evaluate", poses.digest[:10], "--store", store.root, "--json", "--force")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["summary"]["figures"]
    assert {REAL, *BASELINES} <= set(figures) and "Traceback" not in done.stderr


def test_a_model_reads_its_weights_once_for_all_songs(store, model, songs, monkeypatch):
    loaded = []
    load = choreographers.load_choreographer
    monkeypatch.setattr(choreographers, "load_choreographer", lambda *how: loaded.append(how) or load(*how))
    evaluate([model], songs=songs, seconds=2.5, seed=77, store=store)
    assert len(loaded) == 1
