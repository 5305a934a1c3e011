"""Help answers at once, and shows what one would really type."""

from __future__ import annotations

import ast

import pytest

from dancegen.cli import main
from helpers.processes import run, run_python

HEAVY = ("torch", "numpy", "librosa", "cv2", "scipy", "av", "soundfile", "diffusers", "joblib", "mediapipe",
         "gradio")  # fmt: skip
COMMANDS = ["dance", "inference", "prepare", "extract-poses", "train", "generate-poses", "render", "evaluate"]
ARTIFACTS = ("ls", "show", "why", "verify", "gc", "rm", "pin", "unpin", "export", "import")
GROUPS = [["genres"], ["artifacts"], *(["artifacts", name] for name in ARTIFACTS), []]
COMMON = ["--store", "--output", "-o", "--json", "--quiet", "--force", "--debug"]


def heavy_imports(code: str) -> tuple[list[str], str]:
    """Which heavy packages a fresh Python has imported once it ran the code, and what it printed before."""
    ran = run_python("-c", f"import sys; {code}; print([m for m in {HEAVY} if m in sys.modules])")
    assert ran.returncode == 0, ran.stderr
    *printed, imported = ran.stdout.splitlines()
    return ast.literal_eval(imported), "\n".join(printed)


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["artifacts", "ls"], ["genres"]], ids=" ".join)
def test_help_and_listing_import_nothing_heavy(arguments):
    imported, printed = heavy_imports(f"from dancegen.cli import main; main({arguments})")
    assert imported == [] and printed


def test_importing_the_package_imports_nothing_heavy_and_names_every_verb():
    imported, names = heavy_imports("import dancegen; print(dir(dancegen))")
    assert imported == []
    for verb in ("prepare", "extract_poses", "train", "generate_poses", "render", "evaluate", "dance", "__version__"):
        assert f"'{verb}'" in names


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + GROUPS, ids=" ".join)
def test_every_command_shows_examples_that_call_it(command, capsys):
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Examples:" in out
    assert f"$ dancegen {' '.join(command)}".strip().replace("inference", "dance") in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_makes_something_has_the_common_options(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    main([command, "-h"])
    out = capsys.readouterr().out
    missing = [option for option in COMMON if f" {option} " not in out]
    assert missing == []
    assert (" --seed " in out) == (command != "extract-poses")


def test_the_shell_can_complete_commands():
    # What the completion script that --show-completion prints asks of the program at each tab.
    ran = run(_DANCEGEN_COMPLETE="complete_bash", COMP_WORDS="dancegen ren", COMP_CWORD="1")
    assert "render" in ran.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dance song.mp3 --camera o", ["orbit"]),
        ("generate-poses song.mp3 --camera ", ["front", "side", "orbit", "follow", "cuts"]),
        ("dance song.mp3 --genre s", ["salsa", "shuffle"]),
        ("render --style n", ["neon"]),
        ("render --engine ", ["skeleton", "animatediff", "wan-vace"]),
        ("render --vram 1", ["12", "16"]),
        ("render --backend d", ["dask"]),
        ("render --sampler l", ["lcm"]),
        ("train --family ", ["diffusion", "gan"]),
        ("train --preset b", ["base"]),
        ("dance song.mp3 --model g", ["gan"]),
        ("dance song.mp3 --device c", ["cpu", "cuda"]),
        ("generate-poses song.mp3 --keep-joints l", ["legs"]),
        ("evaluate --detector ", ["auto", "vitpose", "blazepose", "dwpose", "openpose", "none"]),
        ("dance song.mp3 --came", ["--camera"]),
    ],
)
def test_the_shell_can_complete_options_and_their_values(line, offered):
    words = line.split(" ")
    ran = run(_DANCEGEN_COMPLETE="complete_bash", COMP_WORDS=f"dancegen {line}".rstrip(), COMP_CWORD=str(len(words)))
    assert ran.stdout.split() == offered


def test_help_begins_with_what_is_the_commands_own(capsys, monkeypatch):
    """And with what people ask for first: not with the canvas, or how many processes there are."""
    monkeypatch.setenv("COLUMNS", "200")
    order = {}
    for command in ("dance", "render", "prepare"):
        main([command, "--help"])
        order[command] = capsys.readouterr().out
    for command, first, then in (
        ("dance", "--seconds ", "--canvas "), ("dance", "Painting (with", "How a film is painted"),
        ("render", "--style ", "--json-fps "), ("prepare", "--music ", "--workers "),
    ):  # fmt: skip
        assert 0 < order[command].index(first) < order[command].index(then)
