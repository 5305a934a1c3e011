"""A song as a stream of sample blocks of any wanted length, for muxing beside video frames."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from dancegen.errors import AudioError

# AAC players are only sure to know these; every other rate is resampled.
COMMON_RATES = (44_100, 48_000)
FALLBACK_RATE = 48_000


class Soundtrack:
    """Reads a song forward, block by block: memory holds a fraction of a second, however long the song.

    After the song's end it goes on with silence for ever, so that the video decides how long the sound is.
    """

    def __init__(self, path: str | Path, start_s: float = 0.0) -> None:
        import av.error

        self.path = Path(path)
        if not self.path.is_file():
            raise AudioError(f"There is no song at {self.path}.")
        try:
            self._container = av.open(str(self.path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise AudioError(f"{self.path} is not a sound file that can be read ({error}).") from error
        if not self._container.streams.audio or self._container.streams.audio[0].codec_context is None:
            self._container.close()
            raise AudioError(f"{self.path} holds no sound.")
        stream = self._container.streams.audio[0]
        self.rate = stream.rate if stream.rate in COMMON_RATES else FALLBACK_RATE
        self.layout = "mono" if stream.channels == 1 else "stereo"
        self._blocks = self._decode()
        self._rest = np.zeros((self.channels, 0), np.float32)
        self._skip(round(start_s * self.rate))

    @property
    def channels(self) -> int:
        return 1 if self.layout == "mono" else 2

    def read(self, samples: int) -> np.ndarray:
        """The next `samples` samples, (channels, samples) float32, silence where the song is over."""
        parts, held = [self._rest], self._rest.shape[1]
        while held < samples and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            held += block.shape[1]
        joined = np.concatenate(parts, axis=1)
        self._rest = joined[:, samples:]
        taken = joined[:, :samples]
        return np.pad(taken, ((0, 0), (0, samples - taken.shape[1])))

    def close(self) -> None:
        self._blocks.close()
        self._container.close()

    def _skip(self, samples: int) -> None:
        # Skipping decodes: seeking in mp3 and ogg lands anywhere within tens of milliseconds.
        while samples > 0:
            step = min(samples, self.rate)
            self.read(step)
            samples -= step

    def _decode(self) -> Generator[np.ndarray, None, None]:
        import av.error

        resampler = av.AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        try:
            for frame in self._container.decode(audio=0):
                frame.pts = None  # the song counts from its first sample; gaps in a file's clock are not silence
                yield from (block.to_ndarray() for block in resampler.resample(frame))
            yield from (block.to_ndarray() for block in resampler.resample(None))
        except av.error.FFmpegError as error:
            raise AudioError(f"{self.path} is damaged: decoding stopped ({error}). Try another copy.") from error
