"""Frames out of a video, and frames in between: moved along optical flow from both sides and blended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.errors import InputError
from dancegen.video.info import opened

if TYPE_CHECKING:
    from av import VideoFrame

UNSPECIFIED = 2  # H.264's code for an unspecified colour space
BT709, BT601 = 1, 5
HD_HEIGHT = 720


def read_frames(path: str | Path) -> Iterator[np.ndarray]:
    """Every frame of a video in the order shown, (height, width, 3) uint8 RGB, one at a time.

    Raises InputError if the file is no video, or where it is damaged.
    """
    import av.error

    with opened(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        shown, size = 0, None
        try:
            for frame in container.decode(video=0):
                size = size or (frame.width, frame.height)
                if (frame.width, frame.height) != size:
                    raise InputError(f"{path} is damaged: frame {shown} has another size than those before it.")
                yield to_rgb(frame)
                shown += 1
        except av.error.FFmpegError as error:
            raise InputError(f"{path} is damaged: decoding stopped after {shown} frames ({error}).") from error


def interpolate(keys: Iterable[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Every frame from the first key to the last: (number, (H, W, 3) uint8) in rising order -> (H, W, 3) uint8.

    Key frames come out as they went in. A frame at a share t between two keys is both of them, moved along DIS optical
    flow (Kroeger et al. 2016) to t and blended; the flow at t is that of Super SloMo (Jiang et al. 2018, eq. 4).
    """
    before: tuple[int, np.ndarray] | None = None
    for number, frame in keys:
        if before is not None and number - before[0] > 1:
            yield from _between(before[1], frame, number - before[0])
        yield frame
        before = (number, frame)


def to_rgb(frame: VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8 of a decoded picture, in its own colours."""
    # Untagged videos follow what all players assume: BT.709 from 720 lines up, BT.601 below.
    colours = int(frame.colorspace)
    if colours == UNSPECIFIED:
        colours = BT709 if frame.height >= HD_HEIGHT else BT601
    return frame.to_ndarray(format="rgb24", src_colorspace=colours, dst_color_range="JPEG")


def planes_to_rgb(planes: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a frame in planes, (H * 3 / 2, W) uint8, as `VideoWriter.write` takes them."""
    import av

    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.colorspace = BT709
    return to_rgb(frame)


def _between(first: np.ndarray, last: np.ndarray, pieces: int) -> Iterator[np.ndarray]:
    import cv2

    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, last)]
    if min(grey[0].shape) < 16:  # too small for any flow
        ahead = back = np.zeros((*grey[0].shape, 2), np.float32)
    else:
        flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        ahead, back = flow.calc(grey[0], grey[1], None), flow.calc(grey[1], grey[0], None)
    for piece in range(1, pieces):
        t = piece / pieces
        from_first = _moved(first, -(1 - t) * t * ahead + t * t * back)
        from_last = _moved(last, (1 - t) ** 2 * ahead - t * (1 - t) * back)
        yield cv2.addWeighted(from_first, 1 - t, from_last, t, 0)


def _moved(frame: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Each pixel taken from where (H, W, 2) `flow` points."""
    import cv2

    height, width = frame.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(frame, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
