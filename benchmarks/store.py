"""The artifact store beside joblib.Memory on the same payloads, and beside DVC where a result is there already.

    python benchmarks/store.py [--small 100] [--large-mb 200] [--listed 10000] [--dvc dvc] [--json]

In one process: publishing, looking up and verifying results of five small files, and one of a large file. joblib keeps
the same bytes as a pickle; it cannot verify, so loading what it keeps stands for that, and
ours looks up first. In processes of their own, by
the clock: a result that is there, beside `dvc repro` that finds nothing to do and one that restores from the
run-cache; the list of a large store, beside `find`; and `dancegen dance demo` that is answered from the store.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import command, show, table, use_cores

FILES, SMALL_BYTES = 5, 20_000
ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """What was done, by whom, how long it took, and how many times as long the peer of the same run took."""

    what: str
    tool: str
    seconds: float
    peer: str
    ratio: float


def fastest(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds by the clock of the fastest of several rounds."""
    return min(clocked(work) for _ in range(rounds))


def clocked(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def payload(seed: int, files: int, size: int) -> list[bytes]:
    """The files of a result: the same for the same seed."""
    from random import Random

    return [Random(f"{seed} {number}").randbytes(size) for number in range(files)]


def in_process(folder: Path, count: int, files: int, size: int, name: str) -> list[Row]:
    """Publish, look up and verify `count` results with dancegen's store and with joblib.Memory."""
    from joblib import Memory

    from dancegen.store import Recipe, open_store
    from dancegen.store.artifact import Artifact

    payloads = [payload(seed, files, size) for seed in range(count)]
    store, memory = open_store(folder / "store"), Memory(folder / "joblib", verbose=0)

    def ours(seed: int) -> Artifact:
        def build(directory: Path) -> None:
            for number, data in enumerate(payloads[seed]):
                (directory / f"{number}.bin").write_bytes(data)

        return store.obtain(Recipe("benchmark", 1, {"seed": seed, "name": name}), build)

    @memory.cache
    def theirs(seed: int, name: str) -> list[bytes]:
        return payloads[seed]

    seeds = range(count)
    made = clocked(lambda: [ours(seed) for seed in seeds]), clocked(lambda: [theirs(seed, name) for seed in seeds])
    time.sleep(2.5)  # a file that has just changed is not yet known by its times
    _ = [ours(seed) for seed in seeds]
    found = (
        fastest(lambda: [ours(seed) for seed in seeds]),
        fastest(lambda: [theirs.check_call_in_cache(seed, name) for seed in seeds]),
    )
    checked = (
        fastest(lambda: [Artifact.read(ours(seed).path, thorough=True) for seed in seeds]),
        fastest(lambda: [theirs(seed, name) for seed in seeds]),
    )
    rows = []
    for what, (mine, peer) in (("publish", made), ("look up", found), ("verify", checked)):
        rows.append(Row(f"{what} {count} x {name}", "dancegen", mine, "joblib.Memory", peer / mine))
    return rows


def with_dvc(folder: Path, dvc: str, size: int) -> dict[str, float]:
    """Seconds of `dvc repro` on one small file: restored from the run-cache, and with nothing to do."""
    place = folder / "dvc"
    place.mkdir()
    (place / "in.bin").write_bytes(payload(0, 1, size)[0])
    stage = {"copy": {"cmd": "cp in.bin out.bin", "deps": ["in.bin"], "outs": ["out.bin"]}}
    (place / "dvc.yaml").write_text(json.dumps({"stages": stage}))

    def run(*words: str) -> None:
        subprocess.run([dvc, *words], cwd=place, check=True, capture_output=True)

    run("init", "--no-scm")
    run("repro")
    nothing = fastest(lambda: run("repro"))

    def restore() -> None:
        (place / "out.bin").unlink()
        (place / "dvc.lock").unlink()
        run("repro")

    return {"restored": fastest(restore), "nothing": nothing}


def listed(folder: Path, count: int) -> tuple[float, float]:
    """Seconds of `artifacts ls` over so many artifacts, and of `find` over their files."""
    from dancegen.store import Input, Recipe, open_store

    root = folder / "listed"
    made = open_store(root).obtain(Recipe("benchmark", 1), lambda place: (place / "a.bin").write_bytes(b"x") and None)
    for number in range(count - 1):
        recipe = Recipe("benchmark", 1, {"number": number}, (Input.artifact("before", made),))
        place = root / "benchmark" / recipe.digest[:16]
        said = made.manifest.to_dict() | {"digest": recipe.digest, "params": recipe.params}
        said["inputs"] = [vars(each) for each in recipe.inputs]
        said.pop("checksum")
        place.mkdir()
        (place / "a.bin").write_bytes(b"x")
        (place / "manifest.json").write_text(json.dumps(said))
    ls = [sys.executable, "-m", "dancegen", "artifacts", "ls", "--store", str(root)]
    for words in (ls, ls):  # the first one reads every manifest
        assert len(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()) == count + 1
    find = ["find", str(root), "-type", "f", "-size", "-1000M"]
    return fastest(lambda: subprocess.run(ls, check=True, capture_output=True)), fastest(
        lambda: subprocess.run(find, check=True, capture_output=True)
    )


def danced(folder: Path) -> tuple[float, float]:
    """Seconds of `dancegen dance demo` that is answered from the store, and of a Python that does nothing."""
    words = [sys.executable, "-m", "dancegen", "dance", "demo", "--seconds", "5", "--store", str(folder / "dances"),
             "-o", str(folder / "demo.mp4"), "--quiet"]  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    time.sleep(2.5)
    subprocess.run(words, check=True, capture_output=True)
    return fastest(lambda: subprocess.run(words, check=True, capture_output=True)), fastest(
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)
    )


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--small", type=int, default=100, help="results of five small files", metavar="N")
    parser.add_argument("--large-mb", type=int, default=200, help="the size of the large file", metavar="MB")
    parser.add_argument("--listed", type=int, default=10_000, help="artifacts that are listed", metavar="N")
    parser.add_argument("--dvc", default="dvc", help="DVC's command; without it, its rows are left out", metavar="PATH")
    given = parser.parse_args()
    use_cores(given.cores)
    dvc = shutil.which(given.dvc)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = in_process(folder, given.small, FILES, SMALL_BYTES, "5 files of 20 kB")
        rows += in_process(folder, 1, 1, given.large_mb * 1_000_000, f"a file of {given.large_mb} MB")
        ls_s, find_s = listed(folder, given.listed)
        rows.append(Row(f"list {given.listed} artifacts", "artifacts ls", ls_s, "find", find_s / ls_s))
        dance_s, python_s = danced(folder)
        rows.append(Row("a dance that is there", "dancegen dance", dance_s, "python -c pass", python_s / dance_s))
        if dvc is not None:
            theirs = with_dvc(folder, dvc, 1_000_000)
            for what, seconds in theirs.items():
                peer = f"dvc repro, {what}"
                rows.append(Row("a dance that is there", "dancegen dance", dance_s, peer, seconds / dance_s))
    heads = ("what", "tool", "seconds", "peer", "peer's time / ours")
    cells = [(row.what, row.tool, f"{row.seconds:.3f}", row.peer, f"{row.ratio:.2f}") for row in rows]
    note = "" if dvc else f"\n\n{given.dvc} was not found: its rows are left out."
    show({"rows": [vars(row) for row in rows]}, table(heads, cells) + note, as_json=given.json)


if __name__ == "__main__":
    main()
