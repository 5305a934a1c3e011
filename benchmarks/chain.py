"""How long `dancegen dance` takes from the song to the film, step by step, beside encoding the same frames alone.

    python benchmarks/chain.py [--seconds 30 180 1800] [--cores 2] [--quick] [--json]

The command itself is run, in a store of its own, on songs of so many seconds: by the clock and by CPU time, with the
most memory that was resident in it and the most threads that it had; its steps are what the store says of the artifacts
that it made. The peer is x264 at `veryfast` and the quality of our films, given frames of the film that was just made,
in this run and on these cores; what is encoded is the middle of the film, to and fro, as long as the film or half a
minute, whichever is less. The bar is a dance in at most 1.4 times the time of its encoding. Beside it the choreography
alone, on one thread, on all cores, and on as many threads as are found best. Everything is measured twice: with nothing
beside it, and beside a program that never stops computing, which may have one core for itself but no more. Twice the
CPU time of the idle run is the bar there. `--quick` is one short song. Needs Linux or macOS.
"""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command, in_fresh_process, show, table, timed, use_cores, write_song

import dancegen

if TYPE_CHECKING:
    import numpy as np

BAR, BAR_BESIDE = 1.4, 2.0
"""Times the wall time of encoding alone; times the CPU time of the idle run, where a program computes beside it."""
QUICK_S = 6.0
HELD_FRAMES, ENCODED_S = 120, 30.0
"""Frames that are held in memory for the peer, and the most seconds of film that it encodes."""
QUALITY = "18"
STEPS = ("track-beats", "generate-poses", "render")
IDLE, BESIDE = "idle", "beside a busy program"
AS_FOUND = "as found"


@contextlib.contextmanager
def surroundings(which: str) -> Iterator[subprocess.Popen | None]:
    """With nothing beside, or beside a program that never stops computing, which is given."""
    if which == IDLE:
        yield None
        return
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield busy
    finally:
        busy.kill()
        busy.wait()


def run_dance(song: Path, store: Path, options: list[str]) -> dict:
    """`dancegen dance`: its costs as a process, and the wall time of each step, of which the second holds the first."""
    words = [sys.executable, "-m", "dancegen", "dance", str(song), "--store", str(store), "--json", "--quiet", *options]
    began_s = time.perf_counter()
    process = subprocess.Popen([*words, "-o", str(store / "film.mp4")], stdout=subprocess.PIPE)
    most: list[int] = [1]
    watcher = threading.Thread(target=_watch_threads, args=(process.pid, most), daemon=True)
    watcher.start()
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    film = json.loads(said)
    steps = {}
    for manifest in store.glob("*/*/manifest.json"):
        made = json.loads(manifest.read_text(encoding="utf-8"))
        steps[made["stage"]] = made["duration_s"]
    return {
        "wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "threads": most[0],
        "peak_mb": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
        "steps": {name: steps[name] for name in STEPS if name in steps},
        "seconds": film["summary"]["seconds"], "frames": film["summary"]["frames"],
    }  # fmt: skip


def _watch_threads(process: int, most: list[int]) -> None:
    """Keep the most threads that a process was seen to have, where the system tells."""
    while True:
        try:
            most[0] = max(most[0], len(os.listdir(f"/proc/{process}/task")))
        except OSError:
            return
        time.sleep(0.1)


def encode_alone(film: Path | str, scratch: Path | str) -> dict[str, float]:
    """What it costs to encode the frames of a film with x264's `veryfast`, for all of its frames."""
    import av

    frames, fps, total = _middle(Path(film))
    count = min(total, round(ENCODED_S * fps))
    height, width, _ = frames[0].shape
    to_and_fro = islice(cycle([*frames, *frames[-2:0:-1]]), count)
    with timed() as cost, av.open(str(scratch), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=round(fps), options={"preset": "veryfast", "crf": QUALITY})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in to_and_fro:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    return {"wall_s": cost.wall_s * total / count, "cpu_s": cost.cpu_s * total / count, "frames": count}


def _middle(film: Path) -> tuple[list[np.ndarray], float, int]:
    """Some frames from the middle of a film, its rate, and how many it has."""
    from dancegen.video import probe_video, read_frames

    probed = probe_video(film)
    first = max(0, (probed.frames - HELD_FRAMES) // 2)
    return list(islice(read_frames(film), first, first + HELD_FRAMES)), probed.fps, probed.frames


def dance_alone(poses: Path | str, model: str, threads: str) -> dict[str, float]:
    """The choreography alone, from the features that an artifact holds, after its model was loaded."""
    from dancegen.threads import ASKED, wait_asleep

    wait_asleep()
    if threads == AS_FOUND:
        os.environ.pop(ASKED, None)
    else:
        os.environ[ASKED] = threads
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers import choreograph, find_model, load_choreographer
    from dancegen.store import open_store

    poses = Path(poses)
    song = SongFeatures.load(poses / "features.npz", poses / "beats.json")
    dancer = load_choreographer(find_model(model, open_store()), "cpu")
    with timed() as cost:
        for _ in choreograph(dancer, song):
            pass
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "times_real_time": song.seconds / cost.wall_s}


def measure(seconds: float, which: str, folder: Path, options: list[str], model: str, cores: int) -> dict:
    """One length of song in one of the surroundings: the command, its peer, and the choreography alone."""
    folder.mkdir(parents=True)
    song, store = folder / "song.flac", folder / "store"
    write_song(song, seconds)
    print(f"dance of {seconds:g} s, {which} ...", file=sys.stderr, flush=True)
    with surroundings(which):
        found = run_dance(song, store, ["--model", model, *options])
        peer = in_fresh_process(encode_alone, store / "film.mp4", folder / "peer.mp4")
        (poses,) = (store / "generate-poses").glob("[0-9a-f]*")
        counts = dict.fromkeys(("1", str(cores), AS_FOUND))
        alone = {count: in_fresh_process(dance_alone, poses, model, count) for count in counts}
    return {
        **found, "which": which, "encoding": peer, "alone": alone, "ratio": found["wall_s"] / peer["wall_s"],
        "cpu_ratio": found["cpu_s"] / peer["cpu_s"],
    }  # fmt: skip


def as_text(rows: list[dict]) -> str:
    """For people: the costs of each run, its steps, the ratios to the peer and to the idle run."""
    idle = {row["seconds"]: row for row in rows if row["which"] == IDLE}
    costs, alone, verdicts = [], [], []
    for row in rows:
        steps = [f"{row['steps'][name]:.1f}" if name in row["steps"] else "-" for name in STEPS]
        rest = row["wall_s"] - sum(row["steps"].get(name, 0.0) for name in STEPS[1:])
        costs.append(
            (
                f"{row['seconds']:g} s, {row['which']}", *steps, f"{rest:.1f}", f"{row['wall_s']:.1f}",
                f"{row['cpu_s']:.1f}", f"{row['encoding']['wall_s']:.1f}", f"{row['encoding']['cpu_s']:.1f}",
                f"{row['ratio']:.2f}", f"{row['cpu_ratio']:.2f}", f"{row['peak_mb']:.0f}", row["threads"],
            )
        )  # fmt: skip
        for threads, found in row["alone"].items():
            alone.append(
                (
                    f"{row['seconds']:g} s, {row['which']}", threads, f"{found['wall_s']:.1f}", f"{found['cpu_s']:.1f}",
                    f"{found['times_real_time']:.1f}",
                )
            )  # fmt: skip
        said = f"{row['seconds']:g} s, {row['which']}: {row['ratio']:.2f} times its encoding "
        if row["which"] == IDLE:
            verdicts.append(said + ("keeps" if row["ratio"] <= BAR else "MISSES") + f" the bar of {BAR:g}")
        elif (quiet := idle.get(row["seconds"])) is not None:
            share = row["cpu_s"] / quiet["cpu_s"]
            kept = "keeps" if share <= BAR_BESIDE else "MISSES"
            said += f"and {share:.2f} times the CPU time of the idle run"
            verdicts.append(f"{said} {kept} the bar of {BAR_BESIDE:g}")
    titles = (
        "s", *STEPS, "the rest", "dance", "its CPU", "encoding", "its CPU", "ratio", "CPU ratio", "peak MB", "threads",
    )  # fmt: skip
    return "\n".join(
        [
            table(titles, costs), "", table(("the dance alone", "threads", "s", "CPU s", "times real time"), alone), "",
            *verdicts,
        ]
    )  # fmt: skip


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--seconds", nargs="+", type=float, default=[30.0, 180.0, 1800.0], help="of the songs")
    parser.add_argument("--quick", action="store_true", help=f"one song of {QUICK_S:g} s")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--model", default="diffusion")
    parser.add_argument("--only", choices=("idle", "beside"), help="with nothing beside it, or beside a busy program")
    options = parser.parse_args()
    use_cores(options.cores, ask=False)
    compileall.compile_dir(Path(dancegen.__file__).parent, quiet=1)  # as pip leaves it
    beside = {None: (IDLE, BESIDE), "idle": (IDLE,), "beside": (BESIDE,)}[options.only]
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(
                seconds, which, Path(folder) / f"{seconds:g} {which}", ["--size", options.size], options.model,
                options.cores,
            )
            for seconds in ([QUICK_S] if options.quick else options.seconds)
            for which in beside
        ]  # fmt: skip
    show({"rows": rows, "bars": {"ratio": BAR, "beside": BAR_BESIDE}}, as_text(rows), as_json=options.json)


if __name__ == "__main__":
    main()
