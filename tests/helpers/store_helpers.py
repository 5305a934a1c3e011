"""What the tests of the store share: a recipe, a builder that counts, and ears for what is said."""

from __future__ import annotations

from pathlib import Path

from dancegen.progress import Silent
from dancegen.store import Recipe


class Listener(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def warn(self, message: str) -> None:
        self.warned.append(message)


class Builder:
    """Writes two files and counts how often it had to."""

    def __init__(self, content: bytes = b"poses") -> None:
        self.runs = 0
        self.content = content

    def __call__(self, directory: Path) -> dict:
        self.runs += 1
        (directory / "poses.npz").write_bytes(self.content)
        (directory / "samples").mkdir()
        (directory / "samples" / "one.json").write_bytes(b"{}")
        return {"frames": 300}


def recipe(stage: str = "generate-poses", **params: object) -> Recipe:
    """A recipe with these parameters."""
    return Recipe(stage, 1, params)
