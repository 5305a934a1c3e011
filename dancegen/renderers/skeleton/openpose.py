"""The skeleton on black, pixel for pixel what ControlNet's openpose models were trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope


class OpenposeRenderer:
    """Draws each pose with `draw_openpose`, the whole clip with one scale: fitted into the size, or as filmed."""

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
        resampled = sequence.resample(fps)
        placed = resampled.on_canvas(size) if as_filmed else resampled.fitted(size)
        for keypoints in placed.keypoints:
            yield draw_openpose(keypoints, size)
