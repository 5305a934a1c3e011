"""Work on one long video that is killed halfway: run by the tests as a program of its own.

`killed_halfway.py PICTURES KIND ...` kills itself when so many pictures have passed by. KIND: "command" and its words,
or "look" and what `look` takes.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from dancegen.detectors.registry import resolve
from dancegen.stages import detect_people
from dancegen.store import Artifact, Input, open_store
from dancegen.video import VideoFile

PART = detect_people.Part(2.2, 3.2, 10.0)
"""In which `made_cuts.mp4` cuts twice; the first one is where the second piece begins."""
PIECE_S, PIECE = 0.8, 8


def look(video: Path, weights: Path, store: Path) -> Artifact:
    """What OpenPose sees in a part of a video, kept every eighth picture rather than every minute."""
    detect_people.PIECE_S = PIECE_S
    spec = resolve(weights)
    looking = detect_people.Look(spec, spec.input("detector"))
    pictures = Input.file("video", video)
    return detect_people.detect_people(
        looking, video, pictures, open_store(store), part=PART, advance=lambda amount: None
    )


def main(pictures: int, kind: str, *words: str) -> None:
    from dancegen.cli import main as command

    passing = VideoFile.frames

    def frames(self, *arguments, **keywords):
        for number, picture in enumerate(passing(self, *arguments, **keywords)):
            if number == pictures:
                os.kill(os.getpid(), signal.SIGKILL)
            yield picture

    VideoFile.frames = frames
    if kind == "command":
        command(list(words))
    else:
        look(*map(Path, words))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
