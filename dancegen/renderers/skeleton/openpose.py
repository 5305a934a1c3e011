"""The skeleton on black, pixel for pixel what ControlNet's openpose models were trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope


class OpenposeRenderer:
    """Draws each pose with `draw_openpose`, with hands and a face where they were found.

    The whole clip has one scale: fitted into the size, or as filmed.
    """

    def frames(
        self,
        sequence: PoseSequence,
        envelope: AudioEnvelope,
        *,
        size: tuple[int, int],
        fps: float,
        as_filmed: bool = False,
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames. The song changes nothing here."""
        shown = placed(sequence, size, fps, as_filmed=as_filmed)
        for frame in range(len(shown)):
            hands, face = (None if points is None else points[frame] for points in (shown.hands, shown.face))
            yield draw_openpose(shown.keypoints[frame], size, hands=hands, face=face)


def placed(sequence: PoseSequence, size: tuple[int, int], fps: float, *, as_filmed: bool = False) -> PoseSequence:
    """The dance as it is drawn: at a rate, in pixels of a picture."""
    resampled = sequence.resample(fps)
    return resampled.on_canvas(size) if as_filmed else resampled.fitted(size)
