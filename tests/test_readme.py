"""The README says only what is so: its commands, options, calls and links exist."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess

import pytest
import typer

import dancegen
from dancegen.cli import build_app
from helpers.processes import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CI = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def command_lines() -> list[list[str]]:
    """The arguments of every `dancegen ...` that the README would have one type, in or out of a container."""
    lines = [line.removeprefix("$ ") for block in blocks("sh") for line in block.splitlines()]
    lines += [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines() if line[0] == "$"]
    lines += re.findall(r"`(dancegen [a-z-][^`]*)`", README)
    found = []
    for line in lines:
        for part in line.split("&&"):
            words = shlex.split(part)
            starts = [i for i, word in enumerate(words) if re.fullmatch(r"(.*/)?dancegen(:cuda)?", word)]
            if starts and "build" not in words and "-m" not in words:
                found.append(words[starts[0] + 1 :])
    return found


def parse(arguments: list[str]) -> None:
    """Let the command line's own parser read and check the arguments, without running anything."""
    command, name = typer.main.get_command(build_app()), "dancegen"
    while hasattr(command, "commands"):
        if arguments[0].startswith("-"):
            assert any(arguments[0] in parameter.opts for parameter in command.params), arguments
            return
        assert arguments[0] in command.commands, f"{name} has no command {arguments[0]}"
        name, command, arguments = arguments[0], command.commands[arguments[0]], arguments[1:]
    command.make_context(name, list(arguments))


@pytest.mark.parametrize("arguments", [a for a in command_lines() if "COMMAND" not in a], ids=" ".join)
def test_every_command_of_the_readme_exists_with_its_options(arguments):
    parse(arguments)


@pytest.mark.parametrize("arguments", [["dnace", "song.mp3"], ["dance", "song.mp3", "--sede", "7"], ["--versoin"]])
def test_the_check_of_the_readme_notices_what_does_not_exist(arguments):
    with pytest.raises(Exception, match=r"dnace|sede|versoin"):
        parse(arguments)


def test_the_readme_shows_every_command():
    shown = {arguments[0] for arguments in command_lines() if arguments}
    assert set(typer.main.get_command(build_app()).commands) <= shown


def test_every_option_in_the_readmes_tables_exists():
    commands = typer.main.get_command(build_app()).commands
    taken = [commands[name].params for name in ("train", "generate-poses")]
    options = {option for parameters in taken for parameter in parameters for option in parameter.opts}
    rows = re.findall(r"^\| (`-.*?) \|", README, re.M)
    named = {option for row in rows for option in re.findall(r"`(-+[\w-]+)", row)}
    assert named and named <= options


def test_every_call_of_the_readmes_python_fits_its_function():
    calls = 0
    for block in blocks("python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("dancegen."):
                function = getattr(dancegen, node.func.attr)
                inspect.signature(function).bind(*node.args, **{keyword.arg: None for keyword in node.keywords})
                calls += 1
    assert calls


def test_every_file_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (REPOSITORY / link).exists()]
    assert links and missing == []


def test_ci_runs_the_readmes_second_command():
    first, second = (block.strip() for block in blocks("sh")[:2])
    assert first.endswith("dancegen dance demo") and second.endswith("pytest")
    awk = re.search(r"^tests=\$\((.*)\)$", CI, re.M)[1]
    marker = re.search(r"^marker=.*$", CI, re.M)[0]
    ran = subprocess.run(["bash", "-c", f"{marker}\n{awk}"], cwd=REPOSITORY, capture_output=True, text=True)
    assert ran.stdout.strip() == second
