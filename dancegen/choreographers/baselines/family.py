"""Baselines as a family: they learn nothing, are chosen by name, and dance with the clips of a pose dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.choreographers.family import Family

if TYPE_CHECKING:
    from dancegen.choreographers.family import Choreographer

BASELINE = "baseline:"
BASELINES = tuple(BASELINE + kind for kind in ("freeze", "random", "shuffle", "copy"))


def is_baseline(name: str | Path) -> bool:
    """Whether a model's name, or a row's, is a baseline's."""
    return str(name).startswith(BASELINE)


class Baselines(Family):
    """What a model must beat, each failing in the way its name says (see `choreographer`)."""

    name = "baseline"
    who = "a baseline"
    version = 11

    def dancer(self, name: str, dataset: Path) -> Choreographer:
        """The baseline of that name with a pose dataset's directory. Raises InputError where it holds no poses."""
        from dancegen.choreographers.baselines.choreographer import Baseline

        return Baseline(name, dataset)
