"""What every command promises: one result on stdout, one line for an error, and an exit code that tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dancegen.cli import main
from dancegen.errors import DancegenError, DoneInPart, InputError
from helpers.processes import environment, run, start_python


def test_json_is_one_object_with_the_promised_keys_and_nothing_else(render_stage, capfd, own_store):
    assert main(["render", "--json"]) == 0
    out, err = capfd.readouterr()
    result = json.loads(out)
    assert list(result) == ["stage", "digest", "content", "path", "cached", "duration_s", "summary"]
    assert result["stage"] == "render" and result["cached"] is False
    assert result["summary"] == {"frames": 300, "fps": 29.97, "beats": True}
    assert (Path(result["path"]) / "video.mp4").read_bytes() == b"video"
    assert Path(result["path"]).is_relative_to(own_store)
    for line in ("a library's chatter", "a C library's chatter", "taking the newest poses", "warning: the dancer"):
        assert line in err


def test_the_second_run_is_answered_from_the_store_and_says_so(render_stage, capfd):
    main(["render"])
    first = capfd.readouterr().out
    main(["render"])
    second = capfd.readouterr().out
    main(["render", "--json"])
    assert "made in" in first and "from the store" not in first
    assert "unchanged, answered from the store" in second
    assert json.loads(capfd.readouterr().out)["cached"] is True


def test_a_result_says_its_stage_figures_place_and_what_to_do_next(render_stage, capfd, own_store):
    main(["render"])
    out = capfd.readouterr().out
    for part in ("render ", "frames", "300", "29.97", "yes", str(own_store), "watch ", "video.mp4"):
        assert part in out


def test_force_makes_it_anew(render_stage, capfd):
    main(["render"])
    capfd.readouterr()
    main(["render", "--force", "--json"])
    assert json.loads(capfd.readouterr().out)["cached"] is False


def test_quiet_prints_only_where_the_result_is(render_stage, capfd):
    assert main(["render", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert (Path(out.strip()) / "video.mp4").is_file() and out.count("\n") == 1
    assert "newest poses" not in err and "Painting" not in err
    assert "warning: the dancer is dizzy" in err


def test_output_receives_a_copy_beside_the_artifact(render_stage, capfd, tmp_path):
    assert main(["render", "-o", str(tmp_path / "mine.mp4")]) == 0
    assert (tmp_path / "mine.mp4").read_bytes() == b"video"
    assert main(["render", "--output", str(tmp_path / "folder")]) == 0
    assert (tmp_path / "folder" / "video.mp4").read_bytes() == b"video"
    assert str(tmp_path / "folder") in capfd.readouterr().out


def test_an_output_that_cannot_be_is_refused_before_any_work(render_stage, capfd, tmp_path):
    assert main(["render", "-o", str(tmp_path / "mine.avi")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and "no .avi file" in err
    assert render_stage.calls == []


def test_the_options_reach_the_stage_under_the_same_names(render_stage, tmp_path):
    arguments = ["--style", "openpose", "--fps", "25", "--size", "720x1280", "--seed", "7", "--device", "CPU"]
    main(["render", "3f2a", *arguments, "--store", str(tmp_path / "s"), "--force"])
    ((options, context),) = render_stage.calls
    chosen = {"poses": "3f2a", "style": "openpose", "fps": 25.0, "size": (720, 1280), "seed": 7}
    assert {name: getattr(options, name) for name in options.given()} == chosen
    assert (context.device, context.store.root, context.force) == ("cpu", tmp_path / "s", True)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("song.mp3 is silent;\ntry another"), 2, "error: song.mp3 is silent; try another\n"),
        (DancegenError("the decoder gave up"), 1, "error: the decoder gave up\n"),
        (DoneInPart("3 of 4 clips were made"), 3, "error: 3 of 4 clips were made\n"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "error: unexpected ZeroDivisionError: division by zero (run it again with --debug to see where)\n",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_line_and_its_kind_decides_the_exit_code(render_stage, capfd, error, code, line):
    render_stage.fail = error
    assert main(["render", "--json"]) == code
    out, err = capfd.readouterr()
    assert out == "" and err.endswith(line) and "Traceback" not in err


def test_debug_shows_where_an_error_comes_from_and_keeps_the_exit_code(render_stage, capfd):
    render_stage.fail = InputError("song.mp3 is silent")
    assert main(["render", "--debug"]) == 2
    err = capfd.readouterr().err
    assert "Traceback" in err and "stage_double.py" in err and err.endswith("error: song.mp3 is silent\n")


def test_an_interrupt_is_130_without_a_traceback(render_stage, capfd):
    render_stage.fail = KeyboardInterrupt()
    assert main(["render"]) == 130
    err = capfd.readouterr().err
    assert err.endswith("interrupted\n") and "Traceback" not in err


def test_a_stores_trouble_is_exit_code_1_and_names_the_path(render_stage, capfd, own_store):
    own_store.mkdir()
    (own_store / "render").write_text("")
    assert main(["render"]) == 1
    assert f"cannot write {own_store / 'render'}" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"], ["dance"], ["render", "--no-such-option"], ["render", "--fps", "fast"],
        ["render", "--device", "tpu"], ["render", "a", "b"], ["prepare"], ["artifacts", "show"],
        ["artifacts", "show", "abcd"], ["artifacts", "ls", "--store", __file__],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_one_line(arguments, capfd):
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["artifacts"]])
def test_no_command_at_all_shows_help_and_is_wrong_usage(arguments, capfd):
    assert main(arguments) == 2
    assert "Usage" in capfd.readouterr().out


def test_exit_codes_and_streams_are_the_same_for_a_real_process(tmp_path):
    ran = run("artifacts", "show", "abcd", "--store", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: no artifact begins with abcd; see what there is with: dancegen artifacts ls\n"
    ran = run("--version")
    assert ran.returncode == 0 and ran.stdout.startswith("dancegen ") and ran.stderr == ""


def test_a_reader_that_leaves_early_gets_no_complaint(tmp_path):
    ran = subprocess.run(
        f"'{sys.executable}' -m dancegen artifacts ls --store '{tmp_path}' | true",
        shell=True,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert ran.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_tidies_up_and_ends_with_130(tmp_path, number):
    """A real signal to a real command at work."""
    program = tmp_path / "wait.py"
    program.write_text(
        "import sys, typer\n"
        "from dancegen.cli import main\n"
        "from dancegen.store import Recipe, open_store\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def wait():\n"
        "    import time\n"
        "    def build(directory):\n"
        "        print('building', flush=True)\n"
        "        time.sleep(60)\n"
        f"    open_store({str(tmp_path / 'store')!r}).obtain(Recipe('train', 1), build)\n"
        "sys.exit(main([], app))\n"
    )
    process = start_python(program)
    assert process.stdout.readline() == "building\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=50)
    assert process.returncode == 130 and err == "interrupted\n"
    assert list((tmp_path / "store" / "train").glob(".making-*")) == []


def test_a_song_in_the_place_of_a_command_is_pointed_to_dance(capfd):
    assert main(["my song.mp3", "--seconds", "3"]) == 2
    assert capfd.readouterr().err == "error: my song.mp3 is a song, not a command: write dancegen dance 'my song.mp3'\n"


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_address_is_no_store(how, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANCEGEN_STORE", "s3://bucket/store")
    arguments = ["--store", "gs://bucket/store"] if how == "option" else []
    assert main(["generate-poses", "demo", "--seconds", "2", *arguments]) == 2
    assert "is an address; a store is a directory" in capfd.readouterr().err and not list(tmp_path.iterdir())


def test_a_store_that_cannot_be_written_is_known_before_the_work(capfd, monkeypatch):
    """In a directory of the system, where not even an administrator can make one. Nothing is heard or danced."""
    monkeypatch.setattr("dancegen.audio.song.analyse_and_copy", lambda *given, **more: pytest.fail("it was heard"))
    assert main(["generate-poses", "demo", "--seconds", "2", "--store", "/sys/dancegen-store"]) == 1
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("error: cannot write /sys/dancegen-store") and err.count("\n") == 1
