"""What people install holds what they need, whichever way they install it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.processes import REPOSITORY

ASSETS = REPOSITORY / "assets"
LARGEST_WHEEL = 36_000_000


def build(target: str, source: Path, directory: Path) -> Path:
    """Build `wheel` or `sdist` from a source tree as pip would, without its network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (built,) = directory.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build("wheel", REPOSITORY, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory) -> Path:
    sdist = build("sdist", REPOSITORY, tmp_path_factory.mktemp("sdist"))
    root = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(root)  # our own archive, built a moment ago
    (unpacked,) = root.iterdir()
    return unpacked


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel's files in a directory of their own, far from the checkout."""
    site = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run_installed(site: Path, code: str, directory: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=directory, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_wheel_holds_every_module_and_says_it_is_typed(wheel):
    modules = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "dancegen").rglob("*.py")}
    assert "dancegen/cli/commands.py" in modules
    assert modules | {"dancegen/py.typed"} <= contents(wheel).keys()


def test_the_wheel_holds_the_demo_song_and_the_bundled_models_but_no_pictures_of_the_readme(wheel):
    names = {name.removeprefix("dancegen/assets/") for name in contents(wheel) if name.startswith("dancegen/assets/")}
    models = {p.relative_to(ASSETS).as_posix() for p in (ASSETS / "models").rglob("*") if p.is_file()}
    assert names == {"demo.ogg", "reference.npz"} | models
    assert wheel.stat().st_size < LARGEST_WHEEL


def test_the_wheel_installs_the_command(wheel):
    entry_points = next(text for name, text in contents(wheel).items() if name.endswith("entry_points.txt"))
    assert "[console_scripts]\ndancegen = dancegen.cli:main" in entry_points.decode()


def test_an_installed_wheel_finds_its_own_song_from_another_directory(installed, tmp_path):
    code = "from dancegen.assets import asset; print(asset('demo.ogg'))"
    assert Path(run_installed(installed, code, tmp_path)) == installed / "dancegen" / "assets" / "demo.ogg"


def test_an_installed_wheel_answers_the_command_with_its_version(installed, tmp_path):
    code = "import sys; from dancegen.cli import main; sys.exit(main(['--version']))"
    version = (REPOSITORY / "dancegen" / "__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    assert run_installed(installed, code, tmp_path) == f"dancegen {version}"


def test_a_wheel_built_from_the_sdist_is_the_wheel_built_from_the_checkout(wheel, unpacked_sdist, tmp_path):
    again = contents(build("wheel", unpacked_sdist, tmp_path))
    assert again == contents(wheel)


def test_the_sdist_holds_what_is_needed_to_test_it(unpacked_sdist):
    tests = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "tests").rglob("*.py")}
    wanted = {*map(str, tests), "README.md", "CHANGELOG.md", "LICENSE", ".ci/run", "Dockerfile", "assets/demo.ogg"}
    assert [name for name in sorted(wanted) if not (unpacked_sdist / name).is_file()] == []
