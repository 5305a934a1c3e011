"""What goes wrong on real machines, brought about for real: kills, full disks, refusals, clocks and names."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dancegen.errors import StoreError
from dancegen.store import Artifact, Output, Recipe, export, open_store
from dancegen.store.housekeeping import sweep
from helpers.disks import read_only, small_disk
from helpers.listening import Listener
from helpers.processes import run_python, start_python

KILLS = 200


@pytest.mark.parametrize("way", ["new", "force", "two steps"])
def test_a_kill_at_any_moment_of_publishing_leaves_the_old_one_or_the_new_one(tmp_path, way):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    run = run_python("-m", "helpers.killed_publisher", tmp_path / "store", way, seed, KILLS, timeout=300)
    assert run.returncode == 0, run.stderr
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    wrong = [each for each in rounds if each["found"] not in (each["before"], each["number"])]
    assert wrong == [] and len(rounds) == KILLS

    assert len({each.get("after_calls") for each in rounds}) > 20
    killed = [each for each in rounds if each["killed"]]
    assert len(killed) > KILLS / 2, "most were killed before they had ended"
    assert any(each["found"] == each["number"] for each in killed), "some after the new one was there"
    assert any(each["found"] == each["before"] for each in killed), "some before"

    store = open_store(tmp_path / "store")
    again = store.obtain(recipe := Recipe("generate-poses", 1, {"number": 0}), publish)
    assert again.digest == recipe.digest and again.content == Artifact.read(again.path, thorough=True).content
    sweep(store.root, trash_days=0)
    left = [path for path in store.root.rglob("*") if path.name.startswith((".making", ".replaced", ".tmp"))]
    assert left == [] and store.unusable() == [], "nothing is left of any of them"


def publish(directory: Path) -> dict:
    (directory / "poses.npz").write_bytes(b"poses" * 1000)
    return {"frames": 300}


def test_eight_processes_that_want_one_artifact_compute_it_once(tmp_path):
    (tmp_path / "gate").touch()
    places = [tmp_path / name for name in ("store", "counter", "gate")]
    started = [start_python("-m", "helpers.builder", *places) for _ in range(8)]
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 8, said
    results = [json.loads(out) for out, _ in said]
    assert (tmp_path / "counter").read_text().splitlines() == ["built"]
    assert sorted(each["cached"] for each in results) == [False] + [True] * 7
    assert len({each["content"] for each in results}) == 1


def test_a_record_of_a_holder_that_was_killed_stops_nobody(store):
    """A crash after the lock was taken and before anything was made."""
    wanted = Recipe("generate-poses", 1, {"seed": 7})
    code = (
        "import os, signal, sys; from dancegen.store import open_store; "
        "lock = open_store(sys.argv[1]).places.lock('generate-poses', sys.argv[2]).hold('it'); "
        "lock.__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert run_python("-c", code, store.root, wanted.digest).returncode == -signal.SIGKILL
    (record,) = (store.root / ".locks").glob("*.holder.json")
    assert json.loads(record.read_text())["pid"]
    listener = Listener()
    assert store.obtain(wanted, publish, progress=listener).cached is False
    assert listener.said == [] and not record.exists()


def test_a_small_disk_that_is_full_is_said_and_goes_on_once_there_is_space(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        store = open_store(disk / "store")
        kept = store.obtain(Recipe("train", 1), publish)

        def large(directory: Path) -> None:
            (directory / "video.mp4").write_bytes(bytes(1_500_000))

        for force in (False, True):
            with pytest.raises(
                StoreError, match=r"cannot write .*: the disk is full; free some space or choose another"
            ):
                store.obtain(Recipe("render", 1), large, force=force)
        assert [each.digest for each in store.artifacts()] == [kept.digest] and store.unusable() == []
        assert not list(store.root.glob("*/.making-*")), "what was written is gone, so there is space again"
        assert store.obtain(Recipe("render", 1), publish).cached is False


@pytest.mark.parametrize("bytes_left", [0, 4096, 8192, 12288, 16384, 24576])
def test_a_disk_that_fills_up_at_any_moment_leaves_the_store_as_it_was(tmp_path, bytes_left):
    """Also while the manifest, a lock's record or the record of the newest is written."""
    with small_disk(tmp_path / "disk") as disk:
        store = open_store(disk / "store")
        old = store.obtain(Recipe("train", 1), publish)
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(filler, max(0, filler.stat().st_size - bytes_left))
        listener = Listener()
        try:
            new = store.obtain(Recipe("train", 1), publish, force=True, progress=listener)
        except StoreError as error:
            assert "the disk is full" in str(error)
        else:
            assert new.content == old.content
        assert store.newest("train").content == old.content and store.unusable() == []
        filler.unlink()
        sweep(store.root)
        assert not list(store.root.glob("*/.making-*"))
        assert store.obtain(Recipe("train", 1), publish, force=True).content == old.content


def test_a_limit_on_the_size_of_files_is_said(store):
    code = (
        "import resource, signal, sys; from dancegen.store import Recipe, open_store; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        "open_store(sys.argv[1]).obtain(Recipe('render', 1), lambda d: (d / 'video.mp4').write_bytes(bytes(200_000)))"
    )
    run = run_python("-c", code, store.root)
    assert (
        "StoreError: cannot write" in run.stderr and "files may not grow as large there; raise the limit" in run.stderr
    )
    assert store.artifacts() == [] and not list(store.root.glob("*/.making-*"))


def test_a_store_that_can_only_be_read_answers_and_says_what_it_cannot_do(store):
    made = store.obtain(Recipe("train", 1), publish)
    (store.root / ".newest").rename(store.root / ".other")
    with read_only(store.root):
        listener = Listener()
        assert store.obtain(Recipe("train", 1), publish, progress=listener).cached is True
        assert "will not find this train by itself" in listener.warned[0]
        assert store.find(made.digest).content == made.content
        with pytest.raises(
            StoreError, match=r"cannot write .*choose a directory (that can be written|of yours) with --store"
        ):
            store.obtain(Recipe("render", 1), publish)
        with pytest.raises(StoreError, match="cannot write"):
            store.obtain(Recipe("train", 1), publish, force=True)
        assert sweep(store.root).failed == []
    assert store.obtain(Recipe("render", 1), publish).cached is False


def test_damage_in_a_store_that_can_only_be_read_is_named(store):
    made = store.obtain(Recipe("train", 1), publish)
    made.file("poses.npz").write_bytes(b"Poses" * 1000)
    with (
        read_only(store.root),
        pytest.raises(StoreError, match="bytes have changed; make it again with: dancegen train"),
    ):
        store.find(made.digest)
    assert made.path.exists()


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_somebody_without_the_right_is_told(shared_folder):
    root = shared_folder / "store"

    def ask() -> str:
        return run_python("-m", "helpers.as_somebody", root, DANCEGEN_DIGESTS="off").stdout.strip()

    root.mkdir(mode=0o755)
    if os.geteuid():
        root.chmod(0o555)
    assert ask().startswith(f"StoreError: cannot write {root}") and "choose a directory of yours with --store" in ask()
    root.chmod(0o777)
    assert ask() == "made"
    manifest = next(root.glob("*/*/manifest.json"))
    if os.geteuid() == 0:
        os.chown(manifest, 0, 0)
    manifest.chmod(0)
    assert "manifest.json cannot be read: Permission denied; ask its owner" in ask()
    assert manifest.exists(), "what may not be read is not thrown away"
    manifest.chmod(0o644)
    assert ask() == "cached"


def test_a_store_that_somebody_removes_meanwhile_is_said(store):
    def remove(directory: Path) -> None:
        shutil.rmtree(store.root)

    def remove_and_write(directory: Path) -> None:
        shutil.rmtree(store.root)
        (directory / "poses.npz").write_bytes(b"poses")

    for build in (remove, remove_and_write):
        with pytest.raises(
            StoreError, match="was removed by somebody while it was being filled; run the command again"
        ):
            store.obtain(Recipe("train", 1), build)
    assert store.obtain(Recipe("train", 1), publish).cached is False


def test_dates_in_the_future_stop_nothing(store):
    """As after a clock was set back: everything in the store has yet to be made."""
    made = store.obtain(Recipe("train", 1), publish)
    store.obtain(Recipe("train", 1), publish, force=True)
    future = time.time() + 400 * 86_400
    for path in [store.root, *store.root.rglob("*")]:
        os.utime(path, (future, future))
    assert store.obtain(Recipe("train", 1), publish).cached is True
    later = store.obtain(Recipe("train", 1, {"seed": 2}), publish)
    assert store.newest("train").digest == later.digest
    assert sweep(store.root).paths == [] and store.find(made.digest).content == made.content


ODD_NAMES = (
    "a b  c.npz", " leading.json", "trailing .json", "🎵💃.flac", "é.json", ".hidden", "e\u0301.json", "-o.json",
    "$HOME;`ls`.txt", "'quoted' \"twice\".txt", "new\nline.txt", "#%?&.json", "CON.json",
    "a" * 251 + ".npz", "💃" * 63 + "abc",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_file_may_have_any_name(store, tmp_path, name):
    def build(directory: Path) -> None:
        (directory / name).write_bytes(b"poses")
        (directory / "other.npz").write_bytes(b"more")

    try:
        made = store.obtain(Recipe("train", 1), build)
    except StoreError:
        if len(os.fsencode(name)) <= 255:
            raise
        pytest.skip("this file system has no names so long")
    assert store.obtain(Recipe("train", 1), build).cached is True
    assert Artifact.read(made.path, thorough=True).file(name).read_bytes() == b"poses"
    export(made, Output(tmp_path / "out"))
    assert (tmp_path / "out" / name).read_bytes() == b"poses"
    (made.path / name).write_bytes(b"Poses")
    assert store.obtain(Recipe("train", 1), build).cached is False


def test_names_that_differ_in_case_alone_are_two_files(store, tmp_path):
    (tmp_path / "A").touch()
    if (tmp_path / "a").exists():
        pytest.skip("on this disk they are one")

    def build(directory: Path) -> None:
        for name in ("Clip.json", "clip.json", "CLIP.JSON"):
            (directory / name).write_text(name)

    made = store.obtain(Recipe("train", 1), build)
    assert [made.file(entry.path).read_text() for entry in made.files] == [entry.path for entry in made.files]
    assert len(made.files) == 3 and Artifact.read(made.path, thorough=True).content == made.content
