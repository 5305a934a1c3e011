"""A stage of the tests' own, behind the real commands and the real Python API."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from dancegen.context import Context
from dancegen.store import Artifact, Recipe


@dataclass
class StageDouble:
    """Stands where the render stage stands: same interface, one tiny file, and noise on stdout as libraries make it."""

    fail: BaseException | None = None
    calls: list[tuple] = field(default_factory=list)

    def render(self, options, context: Context) -> Artifact:
        self.calls.append((options, context))
        progress = context.progress

        def build(directory: Path) -> dict:
            print("a library's chatter")
            os.write(1, b"a C library's chatter\n")
            progress.warn("the dancer is dizzy")
            with progress.task("Painting", 3) as advance:
                advance(3)
            if self.fail is not None:
                raise self.fail
            (directory / "video.mp4").write_bytes(b"video")
            return {"frames": 300, "fps": 29.97, "beats": True}

        progress.say("taking the newest poses")
        return context.obtain(Recipe("render", 1, {"seed": options.seed}), build)
