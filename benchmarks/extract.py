"""What it costs to make a dataset of videos: their sound read once, against anew for each frame.

    python benchmarks/extract.py [--seconds 180] [--json]

The peer of `prepare` is how the published course project reads the music of a video: `librosa.load` of the whole file
for every one of its frames, whose cost grows with the square of the length. That is measured on a few frames and scaled
to all of them. Nothing else that it does is counted, while `prepare` decodes and writes the pictures too. Ratios are of
CPU time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from harness import command, in_fresh_process, show, synthetic_dance, table, timed, use_cores, write_song

FPS, SIZE = 25.0, (640, 360)
PEER_FRAMES = 5
"""Frames for which the peer reads the sound; every one costs the same."""


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


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="of the video")
    options = parser.parse_args()
    use_cores(options.cores)
    found = {"prepare": measure_prepare(options.seconds)}
    show(found, prepare_rows(found["prepare"]), as_json=options.json)


if __name__ == "__main__":
    main()
