"""The skeleton on black, pixel for pixel what ControlNet's openpose models were trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope


class OpenposeRenderer:
    """Draws each pose with `draw_openpose`, the whole clip's dancer fitted into the size with one scale."""

    def frames(
        self, sequence: PoseSequence, envelope: AudioEnvelope, *, size: tuple[int, int], fps: float
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames. The song changes nothing here."""
        fitted = sequence.resample(fps).fitted(size)
        for keypoints in fitted.keypoints:
            yield draw_openpose(keypoints, size)
