"""dancegen: give it a song, get a dance video.

    import dancegen

    video = dancegen.dance("song.mp3")
    print(video.path)

The functions are the commands: `prepare`, `extract_poses`, `train`, `generate_poses`, `render`, `export`, `evaluate`
and `dance` take the same keywords and return the Artifact that the command shows. `plan` says
beforehand what any of them would make. Each is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

__all__ = [
    "__version__",
    "dance",
    "evaluate",
    "export",
    "extract_poses",
    "generate_poses",
    "plan",
    "prepare",
    "render",
    "train",
]

if TYPE_CHECKING:
    from dancegen.dry_run import RunPlan
    from dancegen.store import Artifact

    # What each takes is declared in `options.data` and `options.dance`, and shown by `help(dancegen.dance)`.
    def dance(song: str | Path, **options: Any) -> Artifact: ...
    def prepare(sources: Sequence[str | Path] | str | Path, **options: Any) -> Artifact: ...
    def extract_poses(dataset: Artifact | str | Path | None = None, **options: Any) -> Artifact: ...
    def train(dataset: Artifact | str | Path | None = None, **options: Any) -> Artifact: ...
    def generate_poses(song: str | Path, **options: Any) -> Artifact: ...
    def render(poses: Artifact | str | Path | None = None, **options: Any) -> Artifact: ...
    def export(dance: Artifact | str | Path | None = None, **options: Any) -> Artifact: ...
    def plan(verb: str, *arguments: Any, **keywords: Any) -> RunPlan: ...
    def evaluate(inputs: Sequence[Artifact | str | Path] | str | Path = (), **options: Any) -> Artifact: ...


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'dancegen' has no attribute {name!r}")
    from dancegen.api import plan, verb

    if name == "plan":
        return plan

    return verb(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
