"""Videos: frames and a song into an MP4, and frames back out of any video."""

from dancegen.video.reader import VIDEO_SUFFIXES, StreamSpan, VideoInfo, probe_video, read_frames
from dancegen.video.writer import VideoWriter

__all__ = ["VIDEO_SUFFIXES", "StreamSpan", "VideoInfo", "VideoWriter", "probe_video", "read_frames"]
