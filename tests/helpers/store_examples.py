"""What the tests of the store share: a recipe, and a builder that counts."""

from __future__ import annotations

from pathlib import Path

from dancegen.store import Recipe


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
