"""The README and the documentation say only what is so: commands, options, calls, links and pictures exist."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from PIL import Image
from site_parts import PAGES as MENU
from site_parts import filled

import dancegen
from dancegen.cli import build_app
from dancegen.options.verbs import VERBS
from helpers.processes import REPOSITORY, run_python

DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md")), *sorted((REPOSITORY / "assets" / "models").glob("**/*.md"))]
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
CI = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
PROJECT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
LARGEST_README, LARGEST_PICTURE = 9_000, 1_500_000
OTHERS = {"--user", "--shm-size", "--mixed_precision", "--multi_gpu", "--cpu"}
"""Options of docker and accelerate that the pages mention."""


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text(page), re.MULTILINE | re.DOTALL)


def typed(page: Path) -> list[str]:
    """Every line that a page would have one type, in its blocks and in its sentences."""
    lines = [line.strip() for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line[:2] == "$ "]
    inline = re.findall(r"`((?:dancegen|python|pip|pipx) [^`]+)`", text(page))
    return lines + [" ".join(line.split()) for line in inline]


def command_lines(page: Path) -> list[tuple[str, ...]]:
    """The arguments of every `dancegen ...` of a page, in or out of a container or a launcher."""
    found = []
    for line in typed(page):
        for part in line.split("&&"):
            words = shlex.split(part)
            starts = [i for i, word in enumerate(words) if re.fullmatch(r"(.*/)?dancegen(:cuda)?", word)]
            if starts and "build" not in words:
                found.append(tuple(words[starts[0] + 1 :]))
    return found


def scripts(page: Path) -> list[tuple[str, ...]]:
    """The words after `python` of every script or module that a page would have one run."""
    lines = [shlex.split(line.replace("[", "").replace("]", "")) for line in typed(page)]
    return [tuple(words[1:]) for words in lines if words and words[0] == "python"]


COMMANDS = sorted({line for page in PAGES for line in command_lines(page) if "COMMAND" not in line})
SCRIPTS = sorted({line for page in PAGES for line in scripts(page)})


def parse(arguments: tuple[str, ...]) -> None:
    """Let the command line's own parser read and check the arguments, without running anything."""
    command, name = typer.main.get_command(build_app()), "dancegen"
    while hasattr(command, "commands"):
        if arguments[0].startswith("-"):
            shown = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert arguments[0] in shown, arguments
            return
        assert arguments[0] in command.commands, f"{name} has no command {arguments[0]}"
        name, command, arguments = arguments[0], command.commands[arguments[0]], arguments[1:]
    if arguments and "--help" not in arguments:  # A name alone only mentions its command.
        command.make_context(name, list(arguments))


def all_options() -> set[str]:
    found, waiting = {"--help", "--version", "--install-completion"}, [typer.main.get_command(build_app())]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        found |= {option for parameter in command.params for option in parameter.opts}
    return found


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_of_the_docs_exists_with_its_options(arguments):
    parse(arguments)


@pytest.mark.parametrize("arguments", [("dnace", "song.mp3"), ("dance", "song.mp3", "--sede", "7"), ("--versoin",)])
def test_the_check_of_the_docs_notices_what_does_not_exist(arguments):
    with pytest.raises(Exception, match=r"dnace|sede|versoin"):
        parse(arguments)


def test_every_example_of_the_help_exists_with_its_options():
    for verb in VERBS:
        for example in verb.examples:
            parse(tuple(shlex.split(example)))


def test_the_readme_shows_every_command():
    shown = {arguments[0] for arguments in command_lines(README) if arguments}
    commands = typer.main.get_command(build_app()).commands
    assert {name for name, command in commands.items() if not command.hidden} <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_option_that_a_page_mentions_exists(page):
    known = all_options() | OTHERS | {flag for words in SCRIPTS for flag in flags_of(script_source(words))}
    mentioned = set(re.findall(r"`(--[a-z][\w-]*)", text(page)))
    assert mentioned <= known, mentioned - known


def script_source(words: tuple[str, ...]) -> str:
    """The source behind the words after `python`: of a benchmark with what all of them share, or of a package."""
    if words[0] == "-m":
        return "".join(map(text, sorted((REPOSITORY / words[1].replace(".", "/")).glob("*.py"))))
    shared = REPOSITORY / "benchmarks" / "harness.py"
    return text(REPOSITORY / words[0]) + (text(shared) if shared.exists() else "")


def flags_of(source: str) -> set[str]:
    return set(re.findall(r'"(--?[a-z][\w-]*)"', source)) | {"--help"}


@pytest.mark.parametrize("words", [w for w in SCRIPTS if w[:2] != ("-m", "venv")], ids=" ".join)
def test_every_script_of_the_docs_is_there_with_its_options(words):
    given = {word for word in words[2 if words[0] == "-m" else 1 :] if re.match(r"--?[a-z]", word)}
    assert given <= flags_of(script_source(words))


def test_every_extra_that_the_docs_install_exists():
    extras = re.search(r"\[project.optional-dependencies\]\n(.*?)\n\n\[", PROJECT, re.DOTALL)[1]
    known = set(re.findall(r"^(\w+) = ", extras, re.M))
    lists = [names for page in PAGES for names in re.findall(r"'[^' ]*\[([\w,]+)\]'", text(page))]
    named = {name for names in lists for name in names.split(",")}
    assert named and named <= known


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("artifacts", "ls"), ("artifacts", "ls", "--json")])
def test_commands_of_the_docs_that_cost_nothing_run(arguments, tmp_path):
    ran = run_python("-m", "dancegen", *arguments, DANCEGEN_STORE=str(tmp_path))
    assert ran.returncode == 0 and ran.stdout, ran.stderr


def test_every_call_in_the_docs_python_fits_its_function():
    calls = 0
    for block in (block for page in PAGES for block in blocks(page, "python")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                assert all(hasattr(importlib.import_module(node.module), name.name) for name in node.names)
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("dancegen."):
                function = getattr(dancegen, node.func.attr)
                inspect.signature(function).bind(*node.args, **{keyword.arg: None for keyword in node.keywords})
                calls += 1
    assert calls >= 5


def test_the_artifacts_attributes_in_the_docs_exist():
    from dancegen.store import Artifact

    table = text(DOCS / "python.md").split("## What a function returns")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.M)
    names = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert len(names) > 5 and all(name in Artifact.__annotations__ or hasattr(Artifact, name) for name in names)


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site name them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", text(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in slugs(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_in_a_page_exists(page):
    paths = re.findall(r"`((?:dancegen|benchmarks|tests|docs)/[\w/.]+)`", text(page))
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_the_readme_is_short_and_begins_with_the_picture_and_two_commands():
    assert len(README.read_bytes()) <= LARGEST_README
    assert text(README).startswith("![")
    first, second = (block.strip() for block in blocks(README, "sh")[:2])
    assert first.endswith("dancegen dance demo") and second.endswith("pytest")
    assert text(README).index(second) < text(README).index("\n## ")


def test_the_picture_moves_without_end_and_is_small():
    path = DOCS / "pictures" / "dance.webp"
    with Image.open(path) as picture:
        assert picture.n_frames > 20 and picture.info["loop"] == 0
    assert path.stat().st_size <= LARGEST_PICTURE


def test_ci_runs_the_readmes_second_command_and_builds_the_docs_without_a_warning():
    awk = re.search(r"^tests=\$\((.*)\)$", CI, re.M)[1]
    marker = re.search(r"^marker=.*$", CI, re.M)[0]
    ran = subprocess.run(["bash", "-c", f"{marker}\n{awk}"], cwd=REPOSITORY, capture_output=True, text=True)
    assert ran.stdout.strip() == blocks(README, "sh")[1].strip()
    assert re.search(r"sphinx-build .*-W .*docs", CI)


def test_the_sites_menu_has_every_page():
    listed = [name for names in MENU.values() for name in names]
    assert sorted([*listed, "index"]) == sorted(page.stem for page in DOCS.glob("*.md"))


def test_the_site_shows_every_option_of_every_command_and_every_signature():
    commands, python = filled(text(DOCS / "commands.md")), filled(text(DOCS / "python.md"))
    missing = {option for option in all_options() if option[0] == "-" and f"`{option}" not in commands}
    assert missing <= {"--help", "-h", "--version", "--install-completion", "--show-completion"}
    settings = filled(text(DOCS / "settings.md"))
    assert "| `train.accent` |" in settings and "| `loss.l1` |" in settings
    assert [verb.function for verb in VERBS if f"dancegen.{verb.function}(\n" not in python] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_nothing_that_the_site_adds_is_left_out(page):
    assert "<!-- end -->" not in filled(text(page))


def test_the_changelog_begins_with_this_version_and_its_date():
    version, date = re.search(r"^## \[(.+?)\] - (.+)$", CHANGELOG, re.M).groups()
    assert version == dancegen.__version__ and re.fullmatch(r"\d{4}-\d\d-\d\d", date)
