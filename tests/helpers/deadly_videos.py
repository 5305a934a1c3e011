"""Loaded by a Dask worker as it starts: a video of which "deadly" is in the path ends the process that decodes it, as
the system does where memory runs out."""

from __future__ import annotations

from dancegen.video.source import VideoFile
from helpers.clusters import vanish

_frames = VideoFile.frames


def _deadly(self, *arguments, **keywords):
    if "deadly" in str(self.path):
        vanish()
    return _frames(self, *arguments, **keywords)


VideoFile.frames = _deadly
