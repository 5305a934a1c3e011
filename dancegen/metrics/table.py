"""The table of figures: its rows, what its columns mean, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from dancegen.choreographers import is_baseline
from dancegen.metrics.features import ENOUGH_WINDOWS
from dancegen.metrics.verdict import faults

if TYPE_CHECKING:
    from dancegen.metrics.dance import Dance, Figures, Windows


@dataclass(frozen=True)
class Column:
    """A figure of the table: its JSON key, its heading, its decimals, and what it says."""

    key: str
    title: str
    decimals: int
    meaning: str


COLUMNS = (
    Column("speed_median", "speed", 2, "Median joint speed, body heights a second."),
    Column(
        "accel_mean", "accel", 1, "Mean joint acceleration, body heights a second squared. Far above real: trembling."
    ),
    Column("freeze_ratio", "freeze", 2, "Share of one-second windows slower than 0.1 body heights a second."),
    Column("missing", "missing", 2, "Share of body joints that no image showed."),
    Column("limb_p99_max", "limb", 2, "99th percentile of the longest limb, body heights. Above real: limbs stretch."),
    Column("skating", "skating", 2, "Sideways speed of a foot while it is at the floor, body heights a second."),
    Column("variety", "variety", 3, "How far two seconds are from the most similar ones of the same dance. 0: a loop."),
    Column("copying", "copying", 3, "How far two seconds are from the most similar training clip. 0: a copy."),
    Column("bas_music", "beat", 2, "Beats with a speed minimum at them. A dance that stops on every beat scores 1."),
    Column("bas_shifted", "(off)", 2, "The control: the same against the music a quarter of a beat early and late."),
    Column("footfall", "step", 2, "Steps on a beat or half-beat. Dancers step on the beat."),
    Column("footfall_shifted", "(off)", 2, "The control: the same a quarter of a beat early and late."),
    Column("fid_k", "FID k", 1, "Frechet distance of kinetic features (speeds, acceleration) to real dance."),
    Column("fid_g", "FID g", 1, "Frechet distance of geometric features (places, angles) to real dance."),
)
VIDEO_COLUMNS = (
    Column("flicker", "flicker", 4, "Warping error: how much pixels change beyond what moves, 0 to 1."),
    Column("pck", "PCK", 2, "Share of the requested joints that a detector finds in the video."),
    Column("pose_error", "pose err", 3, "Mean distance of found joints from the requested ones, body heights."),
)


@dataclass(eq=False)
class Row:
    """One row: its pooled figures, and those of each dance with its song; the dances where they are at hand.

    `pictures` are data URLs of a video's frames, `remarks` notes of whoever measured.
    """

    name: str
    figures: Figures
    each: list[Figures] = field(default_factory=list)
    songs: list[str] = field(default_factory=list)
    recordings: list = field(default_factory=list)
    dances: list[Dance] = field(default_factory=list)
    windows: Windows | None = None
    pictures: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_baseline(self) -> bool:
        return is_baseline(self.name)

    @property
    def notes(self) -> list[str]:
        """In words: what is wrong with the dances, and which figures say little."""
        said = faults(self.figures) + self.remarks
        empty = [song for song, dance in zip(self.songs, self.dances, strict=False) if not dance.shown]
        if 0 < len(empty) < len(self.dances):
            said.append(f"nobody is shown in {len(empty)} of {len(self.dances)} dances: {', '.join(empty)}")
        count = self.figures.get("windows", float("nan"))
        if len(empty) < len(self.dances) and count < ENOUGH_WINDOWS:
            said.append(
                f"only {count:.0f} windows of three seconds: its Frechet distances come out too large, more songs help"
            )
        return said


def shown_columns(rows: Sequence[Mapping[str, float | None]]) -> list[Column]:
    """The columns in which any of the rows has a figure."""
    return [column for column in (*COLUMNS, *VIDEO_COLUMNS) if any(known(row.get(column.key)) for row in rows)]


def known(value: float | None) -> bool:
    """Whether there is a figure: neither None nor nan."""
    return value is not None and isfinite(value)


def written(value: float | None, column: Column) -> str:
    """A figure as the table shows it; a dash where there is none."""
    return f"{value:.{column.decimals}f}" if known(value) else "-"


def as_text(rows: Sequence[tuple[str, Mapping[str, float | None]]], width: int | None = None) -> str:
    """The table in plain text: a row a line or, where that is wider than `width` characters, a figure a line."""
    columns = shown_columns([figures for _, figures in rows])
    lines = [["", *(column.title for column in columns)]]
    lines += [[name, *(written(figures.get(column.key), column) for column in columns)] for name, figures in rows]
    text = _aligned(lines)
    if width is not None and len(text.partition("\n")[0]) > width:
        return _aligned([list(line) for line in zip(*lines, strict=True)])
    return text


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join([first.ljust(widths[0]), *(cell.rjust(room) for cell, room in zip(rest, widths[1:], strict=True))])
        for first, *rest in lines
    )
