"""dancegen: give it a song, get a dance video.

    import dancegen

    video = dancegen.dance("song.mp3")
    print(video.path)

The functions are the commands: `prepare`, `extract_poses`, `train`, `generate_poses`, `render`, `evaluate` and `dance`
take the same keywords and return the Artifact that the command shows. Each is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["__version__", "dance", "evaluate", "extract_poses", "generate_poses", "prepare", "render", "train"]

if TYPE_CHECKING:
    from dancegen.stages.dance import dance
    from dancegen.stages.evaluate import evaluate
    from dancegen.stages.extract_poses import extract_poses
    from dancegen.stages.generate_poses import generate_poses
    from dancegen.stages.prepare import prepare
    from dancegen.stages.render import render
    from dancegen.stages.train import train


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'dancegen' has no attribute {name!r}")
    from dancegen.api import verb

    return verb(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
