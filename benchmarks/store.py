"""The artifact store beside joblib.Memory and DVC on the same payloads.

    python benchmarks/store.py [--small 100] [--large-mb 200] [--listed 10000] [--dvc dvc] [--json]

In one process, beside joblib.Memory: publishing, looking up and verifying results of five small files, and of a large
one. joblib keeps the same bytes as a pickle and cannot verify them: loading what it keeps stands for that, while ours
looks up first and then reads every byte. In processes of their own, by the clock, beside DVC: publishing the large
file, finding it there, and verifying it, for which DVC is made to hash it again. Then the list of a large store beside
`find`, and `dancegen dance demo` that is answered from the store beside a Python that does nothing. Ours and the peer
take turns, and the fastest round of each counts.
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
from hashlib import sha256
from pathlib import Path

from harness import command, show, table, use_cores

FILES, SMALL_BYTES = 5, 20_000
ROUNDS = 3
SETTLES_S = 2.5
"""A file that has just changed is not yet known by its times."""


@dataclass(frozen=True)
class Row:
    """What was done, by whom, how long it took, and how many times as long the peer of the same run took."""

    what: str
    tool: str
    seconds: float
    peer: str
    ratio: float


def in_turns(
    ours: Callable[[], object], peer: Callable[[], object], before: Callable[[], object] = lambda: None
) -> tuple[float, float]:
    """Seconds by the clock of the fastest round of each, who take turns; `before` every round something is undone."""
    times = []
    for _ in range(ROUNDS):
        before()
        times.append((clocked(ours), clocked(peer)))
    return min(mine for mine, _ in times), min(theirs for _, theirs in times)


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
    each = [(clocked(lambda: ours(seed)), clocked(lambda: theirs(seed, name))) for seed in seeds]  # noqa: B023
    made = sum(mine for mine, _ in each), sum(peer for _, peer in each)
    time.sleep(SETTLES_S)
    _ = [ours(seed) for seed in seeds]
    found = in_turns(
        lambda: [ours(seed) for seed in seeds], lambda: [theirs.check_call_in_cache(seed, name) for seed in seeds]
    )
    checked = in_turns(
        lambda: [Artifact.read(ours(seed).path, thorough=True) for seed in seeds],
        lambda: [theirs(seed, name) for seed in seeds],
    )
    return [
        Row(f"{what} {count} x {name}", "dancegen", mine, "joblib.Memory", peer / mine)
        for what, (mine, peer) in (("publish", made), ("look up", found), ("verify", checked))
    ]


PUBLISH = """
import shutil, sys
from pathlib import Path
from dancegen.store import Input, Recipe, open_store

source, root = Path(sys.argv[1]), sys.argv[2]
recipe = Recipe("copy", 1, {}, (Input.file("source", source),))
open_store(root).obtain(recipe, lambda place: shutil.copyfile(source, place / "out.bin") and None)
"""
"""What `dvc repro` does with the stage below: a file goes in, its copy comes out."""


def beside_dvc(folder: Path, dvc: str, size: int, name: str) -> list[Row]:
    """Publish a file, find it there and verify it, each in a process of its own, with dancegen's store and with DVC."""
    place, store = folder / "dvc", folder / "dvc-peer"
    place.mkdir()
    source, out, lock = place / "in.bin", place / "out.bin", place / "dvc.lock"
    source.write_bytes(payload(0, 1, size)[0])
    stage = {"copy": {"cmd": "cp in.bin out.bin", "deps": ["in.bin"], "outs": ["out.bin"]}}
    (place / "dvc.yaml").write_text(json.dumps({"stages": stage}))

    def ours() -> None:
        subprocess.run([sys.executable, "-c", PUBLISH, source, store], check=True, capture_output=True)

    def verify() -> None:
        words = [sys.executable, "-m", "dancegen", "artifacts", "verify", "--store", store]
        subprocess.run(words, check=True, capture_output=True)

    def peer(*words: str) -> None:
        subprocess.run([dvc, *words], cwd=place, check=True, capture_output=True)

    def forget() -> None:
        for path in (store, place / ".dvc"):
            shutil.rmtree(path, ignore_errors=True)
        unlink_result()
        peer("init", "--no-scm")

    def unlink_result() -> None:
        for path in (out, lock):
            path.unlink(missing_ok=True)

    rounds = {
        "publish": (in_turns(ours, lambda: peer("repro"), before=forget), "dvc repro"),
        "look up": (in_turns(ours, lambda: peer("repro")), "dvc repro, nothing to do"),
        "look up ": (in_turns(ours, lambda: peer("repro"), before=unlink_result), "dvc repro, from the run-cache"),
        "verify": (in_turns(verify, lambda: peer("status"), before=out.touch), "dvc status, hashed again"),
    }
    return [
        Row(f"{what.strip()} {name}, in a process", "dancegen", mine, tool, theirs / mine)
        for what, ((mine, theirs), tool) in rounds.items()
    ]


def listed(folder: Path, count: int) -> Row:
    """`artifacts ls` over so many artifacts, each made from the one before, beside `find` over their files."""
    from dancegen.store import FileEntry, Input, Recipe, open_store
    from dancegen.store.artifact import content_of

    root = folder / "listed"
    made = open_store(root).obtain(Recipe("benchmark", 1), lambda place: (place / "a.bin").write_bytes(b"x") and None)
    said, before = made.manifest.to_dict(), made.content
    said.pop("checksum")
    for number in range(1, count):
        data = str(number).encode()
        entry = FileEntry("a.bin", len(data), sha256(data).hexdigest())
        recipe = Recipe("benchmark", 1, {"number": number}, (Input("before", "artifact", "benchmark", before),))
        before = content_of((entry,))
        said |= {"digest": recipe.digest, "params": recipe.params, "content": before, "files": [vars(entry)]}
        said["inputs"] = [vars(each) for each in recipe.inputs]
        place = root / "benchmark" / recipe.digest[:16]
        place.mkdir()
        (place / "a.bin").write_bytes(data)
        (place / "manifest.json").write_text(json.dumps(said))
    time.sleep(SETTLES_S)
    ls = [sys.executable, "-m", "dancegen", "artifacts", "ls", "--store", str(root)]
    lines = subprocess.run(ls, check=True, capture_output=True, text=True).stdout  # the first reads every manifest
    assert len(lines.splitlines()) == count + 1
    find = ["find", str(root), "-type", "f", "-size", "-1000M"]
    mine, peer = in_turns(
        lambda: subprocess.run(ls, check=True, capture_output=True),
        lambda: subprocess.run(find, check=True, capture_output=True),
    )
    return Row(f"list {count} artifacts", "artifacts ls", mine, "find", peer / mine)


def danced(folder: Path) -> Row:
    """`dancegen dance demo` that is answered from the store, beside a Python that does nothing."""
    words = [sys.executable, "-m", "dancegen", "dance", "demo", "--seconds", "5", "--store", str(folder / "dances"),
             "-o", str(folder / "demo.mp4"), "--quiet"]  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    time.sleep(SETTLES_S)
    subprocess.run(words, check=True, capture_output=True)
    mine, peer = in_turns(
        lambda: subprocess.run(words, check=True, capture_output=True),
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
    )
    return Row("a dance that is there", "dancegen dance", mine, "python -c pass", peer / mine)


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
        large = f"a file of {given.large_mb} MB"
        rows += in_process(folder, 1, 1, given.large_mb * 1_000_000, large)
        if dvc is not None:
            rows += beside_dvc(folder, dvc, given.large_mb * 1_000_000, large)
        rows += [listed(folder, given.listed), danced(folder)]
    heads = ("what", "tool", "seconds", "peer", "peer's time / ours")
    cells = [(row.what, row.tool, f"{row.seconds:.3f}", row.peer, f"{row.ratio:.2f}") for row in rows]
    note = "" if dvc else f"\n\n{given.dvc} was not found: its rows are left out."
    show({"rows": [vars(row) for row in rows]}, table(heads, cells) + note, as_json=given.json)


if __name__ == "__main__":
    main()
