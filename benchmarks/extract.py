"""What poses of video cost: looking for the dancer, and before that making a dataset of the videos.

    python benchmarks/extract.py [--seconds 180] [--json]
    python benchmarks/extract.py --weights openpose-mobilenet-thin.pb dance.mp4

Where videos are named, controlnet-aux's own detector looks at them in a plain loop, and dancegen with the same weights:
both decode the same pictures and must find the same people. The weights are body_pose_model.pth, a folder with it, or a
graph that OpenCV runs. Each has a process of its own on the same cores; only the loop is timed.

The peer of `prepare` is how the published course project reads the music of a video: `librosa.load` of the whole file
for every one of its frames, whose cost grows with the square of the length. That is measured on a few frames and scaled
to all of them. Nothing else that it does is counted, while `prepare` decodes and writes the pictures too. Ratios are of
CPU time.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from harness import command, in_fresh_process, show, synthetic_dance, table, timed, use_cores, write_song

FPS, SIZE = 25.0, (640, 360)
PEER_FRAMES = 5
"""Frames for which the peer reads the sound; every one costs the same."""
PEER, OURS = "controlnet-aux, picture by picture", "dancegen"


def write_video(path: Path, seconds: float) -> Path:
    """A drawn dancer and a synthetic song, in a video; the song is beside it as `music.mp3`."""
    import soundfile

    from dancegen.pose.drawing import draw_poses
    from dancegen.pose.geometry import to_canvas
    from dancegen.video import VideoWriter

    song = path.with_suffix(".flac")
    write_song(song, seconds)
    samples, rate = soundfile.read(song, dtype="float32")
    soundfile.write(path.with_name("music.mp3"), samples, rate)
    poses = to_canvas(synthetic_dance(seconds, FPS).keypoints, (512, 512), SIZE)
    with VideoWriter(path, SIZE, FPS, audio=song) as video:
        for first in range(0, len(poses), 100):
            for picture in draw_poses(poses[first : first + 100], SIZE):
                video.write(picture)
    song.unlink()
    return path


def prepare_video(video: str, store: str) -> dict[str, Any]:
    """Make the dataset, in one process."""
    from dancegen import prepare

    with timed() as cost:
        made = prepare(video, workers=1, store=store)
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "frames": round(made.summary["video_seconds"] * FPS)}


def read_sound_for_each_frame(song: str, frames: int) -> dict[str, Any]:
    """What the published code does for one frame after the other, for a few of them: CPU and clock of one."""
    import librosa

    librosa.load(song, duration=1.0)  # what it imports at its first call is not counted
    with timed() as cost:
        for _ in range(frames):
            librosa.load(song)
    return {"cpu_s": cost.cpu_s / frames, "wall_s": cost.wall_s / frames}


def measure_prepare(seconds: float) -> dict[str, Any]:
    """CPU seconds of `prepare`, and of reading the sound for each frame, of one video."""
    with tempfile.TemporaryDirectory() as folder:
        video = write_video(Path(folder) / "dance.mp4", seconds)
        ours = in_fresh_process(prepare_video, video, f"{folder}/store")
        one = in_fresh_process(read_sound_for_each_frame, video.with_name("music.mp3"), PEER_FRAMES)
    theirs = {name: one[name] * ours["frames"] for name in ("cpu_s", "wall_s")}
    return {
        "seconds": seconds,
        "prepare": ours,
        "sound_for_each_frame": theirs | {"measured_frames": PEER_FRAMES, "peak_mb": one["peak_mb"]},
        "times_as_fast": theirs["cpu_s"] / ours["cpu_s"],
    }


def prepare_rows(row: dict[str, Any]) -> str:
    """What `measure_prepare` found, for people."""
    peer, ours = row["sound_for_each_frame"], row["prepare"]
    rows = [
        ("the sound anew for each frame (scaled)", f"{peer['cpu_s']:.0f} s", f"{peer['peak_mb']:.0f} MB", "1"),
        ("prepare: pictures, sound, log-mel, beats", f"{ours['cpu_s']:.1f} s", f"{ours['peak_mb']:.0f} MB",
         f"{row['times_as_fast']:.0f}"),
    ]  # fmt: skip
    return table((f"{row['seconds']:g} s of video", "CPU time", "peak", "times as fast"), rows)


def by_controlnet_aux(video: str, weights: str, pictures: int) -> dict[str, Any]:
    """What controlnet-aux finds in the first pictures of a video, reduced as dancegen reduces them."""
    import warnings

    warnings.simplefilter("ignore")
    import numpy as np
    from controlnet_aux.open_pose.body import Body

    from dancegen.detectors.openpose.detector import reduced

    body = Body.__new__(Body) if weights.endswith(".pb") else Body(weights)
    if weights.endswith(".pb"):
        body.model = graph(weights)

    def look(frame: np.ndarray) -> list:
        small = np.ascontiguousarray(reduced(frame)[:, :, ::-1])
        results = body.format_body_result(*body(small))
        scale = np.array(frame.shape[1::-1]) / small.shape[1::-1]
        return [
            [((k.x + 0.5) * scale[0] - 0.5, (k.y + 0.5) * scale[1] - 0.5) if k else (0, 0) for k in result.keypoints]
            for result in results
        ]

    return measured((look(frame) for frame in frames_of(video, pictures)), video, look)


def by_dancegen(video: str, weights: str, pictures: int) -> dict[str, Any]:
    """What dancegen finds in the first pictures of a video."""
    from dancegen.detectors import look
    from dancegen.detectors.registry import resolve

    detector = resolve(weights).load("cpu")
    found = (people.body[..., :2].tolist() for people in look(detector, frames_of(video, pictures)))
    return measured(found, video, lambda frame: detector.detect([frame] * detector.batch))


def graph(weights: str):
    """A frozen graph in the place of controlnet-aux's network."""
    import cv2
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.anywhere = cv2.dnn.readNet(weights), torch.nn.Parameter(torch.zeros(1))

        def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.net.setInput(picture.flip(1).numpy() * 256)
            maps = torch.from_numpy(self.net.forward())
            return maps[:, 19:], maps[:, :19]

    return Graph()


def frames_of(video: str, pictures: int):
    from dancegen.video import VideoFile

    file = VideoFile(Path(video))
    return islice(file.frames(file.fps), pictures)


def measured(found, video: str, warm_up) -> dict[str, Any]:
    """Run through what is found, after one picture that only warms up."""
    import numpy as np

    warm_up(next(iter(frames_of(video, 1))))
    began, cpu = time.perf_counter(), time.process_time()
    people = list(found)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    places = [np.array(each, float).reshape(-1, 18, 2).round(2).tolist() for each in people]
    return {"pictures": len(people), "wall_s": wall, "cpu_s": cpu, "people": places}


def differing(ours: list, theirs: list) -> int:
    """In how many pictures the people are not the same, to half a pixel."""
    import numpy as np

    return sum(
        np.shape(one) != np.shape(other) or bool(len(one) and np.abs(np.subtract(one, other)).max() > 0.5)
        for one, other in zip(ours, theirs, strict=True)
    )


def measure_detector(video: Path, weights: str, pictures: int, rounds: int) -> dict[str, Any]:
    """Both on one video, in turns; of each its best round."""
    found: dict[str, list[dict]] = {PEER: [], OURS: []}
    for _ in range(rounds):
        found[PEER].append(in_fresh_process(by_controlnet_aux, video, weights, pictures))
        found[OURS].append(in_fresh_process(by_dancegen, video, weights, pictures))
    best = {name: min(runs, key=lambda run: run["cpu_s"]) for name, runs in found.items()}
    return {
        "video": video.name,
        "pictures": best[OURS]["pictures"],
        "differing": differing(best[OURS]["people"], best[PEER]["people"]),
        "rows": [
            {
                "who": name,
                "fps": run["pictures"] / run["wall_s"],
                "cpu_s": run["cpu_s"] / run["pictures"],
                "peak_mb": max(each["peak_mb"] for each in found[name]),
                "times": best[PEER]["cpu_s"] / run["cpu_s"],
            }
            for name, run in best.items()
        ],
    }


def prepare_pictures(video: str, folder: str, pictures: int) -> dict[str, Any]:
    """The first pictures of a video, a second of it at least, with a song, as a dataset of four clips or fewer in a
    store under `folder`; and how many they are."""
    from dancegen import prepare
    from dancegen.video import VideoWriter
    from dancegen.video.source import VideoFile

    filmed, short = VideoFile(Path(video)), Path(folder) / "short.mp4"
    width, height = (side - side % 2 for side in filmed.size)
    with VideoWriter(short, (width, height), filmed.fps) as out:
        for picture in islice(filmed.frames(filmed.fps), max(pictures, math.ceil(filmed.fps))):
            out.write(picture[:height, :width].copy())
    seconds = out.frames / filmed.fps
    write_song(short.with_suffix(".flac"), seconds + 1)
    made = prepare(short, clip_seconds=max(1.0, seconds / 4), val_fraction=0, workers=1, store=f"{folder}/store")
    return {"dataset": str(made.path), "pictures": out.frames}


def extract_clips(dataset: str, weights: str, workers: int) -> dict[str, Any]:
    """All of the stage, everything anew; by the clock, and the largest of its processes."""
    import resource

    from joblib.externals.loky import get_reusable_executor

    from dancegen import extract_poses

    start = time.perf_counter()
    made = extract_poses(
        dataset, detector=weights, workers=workers, min_seconds=0.5, min_quality=0, device="cpu", force=True,
        store=Path(dataset).parents[1],
    )  # fmt: skip
    wall_s = time.perf_counter() - start
    if workers > 1:
        get_reusable_executor().shutdown(wait=True)
    child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    return {"wall_s": wall_s, "frames": made.summary["frames"], "child_mb": child_mb}


def measure_stage(video: Path, weights: str, pictures: int, rounds: int) -> list[dict[str, Any]]:
    """Pictures a second of extract-poses with one worker and with two, the best of several rounds in turns."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = in_fresh_process(prepare_pictures, video, folder, pictures)
        runs = {workers: [] for workers in (1, 2)}
        for _ in range(rounds):
            for workers, found in runs.items():
                found.append(in_fresh_process(extract_clips, prepared["dataset"], weights, workers))
    return [
        {
            "video": video.name,
            "workers": workers,
            "fps": prepared["pictures"] / min(run["wall_s"] for run in found),
            "peak_mb": max(max(run["peak_mb"], run["child_mb"]) for run in found),
        }
        for workers, found in runs.items()
    ]


def stage_rows(rows: list[dict[str, Any]]) -> str:
    heads = ("video", "extract-poses", "pictures a second", "peak MB of a process")
    cells = [(row["video"], f"--workers {row['workers']}", round(row["fps"], 3), round(row["peak_mb"])) for row in rows]
    return table(heads, cells)


def detector_rows(results: list[dict[str, Any]]) -> str:
    heads = ("video", "detector", "pictures a second", "CPU s a picture", "peak MB", "times as fast")
    rows = [
        (each["video"], row["who"], *(round(row[key], 3) for key in ("fps", "cpu_s")), round(row["peak_mb"]),
         round(row["times"], 2))
        for each in results
        for row in each["rows"]
    ]  # fmt: skip
    apart = [f"{each['differing']} of {each['pictures']} pictures of {each['video']} differ" for each in results]
    return table(heads, rows) + "\n\n" + "; ".join(apart) + "."


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command(__doc__)
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO", help="to look for dancers in")
    parser.add_argument("--weights", metavar="PATH", help="OpenPose weights, or a graph of the network")
    parser.add_argument("--pictures", type=int, default=64, metavar="N", help="of each video (64)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="the best of so many (2)")
    parser.add_argument("--seconds", type=float, default=180.0, help="of the video that is prepared")
    given = parser.parse_args(arguments)
    if given.videos and given.weights is None:
        parser.error("say with which --weights dancers are looked for")
    return given


def main() -> None:
    given = parse()
    use_cores(given.cores)
    if given.videos:
        results = [
            measure_detector(each.resolve(), given.weights, given.pictures, given.rounds) for each in given.videos
        ]
        stage = [
            row
            for each in given.videos
            for row in measure_stage(each.resolve(), given.weights, given.pictures, given.rounds)
        ]
        said = f"{detector_rows(results)}\n\n{stage_rows(stage)}"
        return show({"detector": results, "stage": stage}, said, as_json=given.json)
    found = {"prepare": measure_prepare(given.seconds)}
    show(found, prepare_rows(found["prepare"]), as_json=given.json)


if __name__ == "__main__":
    main()
