"""What cleaning does and what it keeps: the options of `--help` as the cleaning steps take them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol


class CleaningOptions(Protocol):
    """What `CleaningSettings.of` reads: `options.shared.Cleaning`, or a verb's options that have it among them."""

    @property
    def max_gap(self) -> float: ...
    @property
    def smooth(self) -> float: ...
    @property
    def min_seconds(self) -> float: ...
    @property
    def min_quality(self) -> float: ...
    @property
    def no_cuts(self) -> bool: ...
    @property
    def no_swaps(self) -> bool: ...
    @property
    def no_outliers(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class CleaningSettings:
    """max_gap: seconds up to which a gap is filled; longer ones split the clip. smooth: seconds, how strongly joints
    are smoothed (see `smoothing.smooth_joints`), 0 not at all. min_seconds, min_quality: what a piece needs to be kept.
    no_cuts: do not split where the camera cuts. no_swaps, no_outliers: leave left and right, and joints that jump or
    are seen twice, as the detector saw them.
    """

    max_gap: float = 0.5
    smooth: float = 0.08
    min_seconds: float = 2.0
    min_quality: float = 0.25
    no_cuts: bool = False
    no_swaps: bool = False
    no_outliers: bool = False

    @classmethod
    def of(cls, options: CleaningOptions) -> CleaningSettings:
        """The settings that a command's options ask for."""
        return cls(**{each.name: getattr(options, each.name) for each in fields(cls)})
