"""Videos: frames and a song into an MP4, and frames back out of any video."""

from dancegen.video.frames import interpolate, read_frames
from dancegen.video.info import VIDEO_SUFFIXES, StreamSpan, VideoInfo, probe_video
from dancegen.video.source import VideoFile
from dancegen.video.writer import VideoWriter

__all__ = [
    "VIDEO_SUFFIXES",
    "StreamSpan",
    "VideoFile",
    "VideoInfo",
    "VideoWriter",
    "interpolate",
    "probe_video",
    "read_frames",
]
