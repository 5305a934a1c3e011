"""render --over: the skeleton over the footage that it was seen in, or beside it, with the sound of the footage."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from dancegen.context import Context
from dancegen.dataset.format import CLIPS_FILE
from dancegen.errors import InputError, PoseError
from dancegen.options.dance import OverlayOptions, RenderOptions
from dancegen.options.declare import recipe_for
from dancegen.progress import Progress
from dancegen.stages.dance_files import AUDIO, POSES
from dancegen.stages.drawn_video import even_size, rate_in_words, write_drawn
from dancegen.store import SHORT, Artifact, Input

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence
    from dancegen.video import VideoFile

STAGE = "render"
VERSION = 1
LIKE = 0.02
"""By how much the proportions of the poses' canvas may differ from those of the footage, for them to be of it."""
STROKE = 0.011
"""Radius of a joint's disc, as a share of the body's height."""
OPACITY = 0.9
_LIMBS = 153.0
"""The brightest colour of every limb; that of a joint is 255."""
DOTS = (255, 255, 255)
"""RGB of the points of hands and faces."""
_SHIFT = 4
_SUBPIXELS = 1 << _SHIFT
_LATE_S = 0.5
"""So much longer than the footage poses may be without a word."""


@dataclass(frozen=True)
class Layout:
    """Where footage and skeleton lie in a picture of `size` (width, height).

    picture: the size of the footage in it. footage, skeleton: (x, y) of the upper left corner of each; the skeleton is
    on black where that is another place.
    """

    size: tuple[int, int]
    picture: tuple[int, int]
    footage: tuple[int, int]
    skeleton: tuple[int, int]

    @classmethod
    def of(cls, shown: tuple[int, int], beside: bool, size: tuple[int, int] | None) -> Layout:
        """For footage of (width, height) pixels. size: what a person asked for; else none of its pixels is lost."""
        panels = 2 if beside else 1
        if size is None:
            picture = shown
            size = (panels * shown[0] + panels * shown[0] % 2, shown[1] + shown[1] % 2)
        else:
            scale = min(size[0] // panels / shown[0], size[1] / shown[1])
            picture = (max(1, round(shown[0] * scale)), max(1, round(shown[1] * scale)))
        panel = size[0] // panels
        left, top = (panel - picture[0]) // 2, (size[1] - picture[1]) // 2
        return cls(size, picture, (left, top), (left + panel if beside else left, top))


def overlay(options: RenderOptions, context: Context, poses: Artifact) -> Artifact:
    """The video of poses and footage. Raises InputError where the poses cannot have been seen in it."""
    from dancegen.video import VideoFile

    path = footage_of(options)
    video = VideoFile(context.store.checked_path(path))
    layout = Layout.of(
        video.size, options.beside, None if options.size is None else even_size(options.size, options.codec)
    )
    fps = float(options.fps if options.fps is not None else video.fps)
    recipe = recipe_for(
        STAGE, VERSION, options.only(OverlayOptions),
        {"poses": (Input.artifact("poses", poses),), "over": (Input.file("over", path),)},
        engine="overlay", fps=fps, size=list(layout.size), own_sound=options.music is None,
    )  # fmt: skip
    command = ["dancegen", "render", poses.digest[:SHORT], "--over", path.name, "--style", options.style]
    command += [*(["--beside"] if options.beside else []), "--fps", rate_in_words(fps)]
    command += ["--size", f"{layout.size[0]}x{layout.size[1]}"] if options.size is not None else []
    tags = {"digest": recipe.digest, "command": shlex.join(command)}

    def build(directory: Path) -> dict:
        from dancegen.pose.sequence import PoseSequence

        dance = PoseSequence.load(poses.file(POSES)).resample(fps)
        check_seen_in(dance, video, context.progress)
        frames = overlaid(video, dance, layout, options.style)
        with TemporaryDirectory(dir=directory) as place:
            sound = poses.file(AUDIO) if options.music is not None else _own_sound(video, dance, Path(place))
            return write_drawn(
                directory, frames, len(dance), size=layout.size, fps=fps, audio=sound, tags=tags,
                label=f"drawing {'beside' if options.beside else 'over'} {path.name}", progress=context.progress,
                codec=options.codec, keep_frames=options.frames,
            )  # fmt: skip

    return context.obtain(recipe, build)


def footage_of(options: RenderOptions) -> Path:
    """The footage that is drawn over: that of --over, else the video whose dancer is found. Raises InputError."""
    from dancegen.video.info import is_video

    named = options.over if options.over is not None else options.poses
    if named is None or isinstance(named, Artifact) or (options.over is None and not is_video(named)):
        raise InputError("--beside: say beside which footage with --over VIDEO")
    if not Path(named).is_file():
        raise InputError(f"--over {named}: there is no such file")
    if isinstance(options.poses, str | Path) and _of_a_dataset(Path(options.poses)):
        raise InputError(
            f"{options.poses} belongs to a dataset, which keeps every dancer at one size and place: to see what is "
            f"found in {Path(named).name}, give no POSES"
        )
    return Path(named)


def _of_a_dataset(poses: Path) -> bool:
    """Whether a pose file is of a clip of a dataset (`dataset.format`): clips/ID/VIEW/poses.npz beside clips.jsonl."""
    folders = poses.resolve().parents
    return len(folders) > 3 and (folders[3] / CLIPS_FILE).is_file()


def check_seen_in(dance: PoseSequence, video: VideoFile, progress: Progress) -> None:
    """InputError where the poses are of another picture than the footage; what else looks wrong is said."""
    from dancegen.video import probe_video

    shown, canvas = video.size, dance.size
    if abs(np.log(canvas[0] / canvas[1] * shown[1] / shown[0])) > LIKE:
        raise InputError(
            f"the poses lie on a canvas of {canvas[0]}x{canvas[1]} pixels, and {video.path.name} shows "
            f"{shown[0]}x{shown[1]}: they were not seen in it; to find the dancer in it, give no POSES"
        )
    length = probe_video(video.path).video.seconds
    if dance.start_s >= length:
        raise InputError(f"the poses begin at {dance.start_s:.1f} s, and {video.path.name} is {length:.1f} s long")
    late = dance.start_s + dance.seconds - length
    if late > _LATE_S:
        progress.warn(f"{video.path.name} ends {late:.1f} s before the poses do: its last picture stays")


def overlaid(video: VideoFile, dance: PoseSequence, layout: Layout, style: str) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB, one for each pose, with the picture that is nearest to it in time; one is held at a time."""
    from dancegen.pose.geometry import place, to_canvas

    def in_picture(keypoints: np.ndarray) -> np.ndarray:
        return place(to_canvas(keypoints, dance.size, layout.picture), 1.0, layout.skeleton)

    points = in_picture(dance.keypoints)
    parts = [in_picture(part) for part in (dance.hands, dance.face) if part is not None]
    radius = _radius(points)
    coming = video.frames(dance.fps, dance.start_s, dance.seconds)
    shown = np.zeros((layout.picture[1], layout.picture[0], 3), np.uint8)
    for frame, keypoints in enumerate(points):
        shown = _resized(next(coming, shown), layout.picture)
        (x, y), (width, height) = layout.footage, layout.picture
        picture = np.zeros((layout.size[1], layout.size[0], 3), np.uint8)
        picture[y : y + height, x : x + width] = shown
        drawn_over(picture, keypoints, radius, style)
        for part in parts:
            draw_dots(picture, part[frame].reshape(-1, 3), radius / 3)
        yield picture


def drawn_over(picture: np.ndarray, keypoints: np.ndarray, radius: float, style: str) -> None:
    """Draw a skeleton, (18, 3) in its pixels, into a picture (H, W, 3) uint8. radius: of a joint's disc, in pixels."""
    from dancegen.pose.drawing import draw_openpose, draw_pose
    from dancegen.pose.geometry import place

    extent = _extent(keypoints, picture.shape[1::-1], 2 * max(4.0, radius) + 4)
    if extent is None:
        return
    (left, top), (right, bottom) = extent
    size = (right - left, bottom - top)
    there = place(keypoints, 1.0, (-left, -top))
    drawn = draw_openpose(there, size) if style == "openpose" else draw_pose(there, size, stroke=radius / min(size))
    solid = np.minimum(drawn.max(axis=2, keepdims=True) / np.float32(_LIMBS), 1)
    colour = np.minimum(drawn / np.maximum(solid, 1e-6), 255)  # without the black that edges are smoothed into
    under = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = np.rint(under + (colour - under) * (OPACITY * solid))


def draw_dots(picture: np.ndarray, keypoints: np.ndarray, radius: float) -> None:
    """Draw the points of hands or a face, (N, 3) in pixels of a picture (H, W, 3), as OpenPose's pictures show them."""
    import cv2

    for x, y, confidence in keypoints:
        if confidence > 0:
            centre = (round(float(x) * _SUBPIXELS), round(float(y) * _SUBPIXELS))
            cv2.circle(picture, centre, round(max(radius, 1) * _SUBPIXELS), DOTS, -1, cv2.LINE_AA, _SHIFT)


def _extent(
    keypoints: np.ndarray, size: tuple[int, int], margin: float
) -> tuple[tuple[int, int], tuple[int, int]] | None:  # fmt: skip
    """(x, y) of the corners of the part of a picture in which a skeleton lies; None where none of it does."""
    seen = keypoints[keypoints[:, 2] > 0, :2]
    if not len(seen):
        return None
    low = np.clip(seen.min(axis=0) - margin, 0, size).astype(int)
    high = np.clip(seen.max(axis=0) + margin + 1, 0, size).astype(int)
    return ((int(low[0]), int(low[1])), (int(high[0]), int(high[1]))) if (high > low).all() else None


def _radius(points: np.ndarray) -> float:
    """Pixels of a joint's disc, in proportion to the dancer."""
    from dancegen.pose.geometry import body_height

    try:
        return max(2.0, STROKE * body_height(points))
    except PoseError:
        return 4.0


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    if picture.shape[1::-1] == size:
        return picture
    smaller = size[0] < picture.shape[1]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def _own_sound(video: VideoFile, dance: PoseSequence, place: Path) -> Path | None:
    """The footage's own sound from the first pose on; None where it has none."""
    from dancegen.video.sound import write_own_sound

    if video.sound_starts_s is None:
        return None
    sound = place / AUDIO
    write_own_sound(video.path, sound, video.begins_s + dance.start_s, dance.seconds)
    return sound
