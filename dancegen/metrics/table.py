"""The table of figures: its rows, what its columns mean, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from dancegen.choreographers import is_baseline
from dancegen.metrics.diagnosis import NO_BEAT, faults, is_beatless
from dancegen.metrics.features import ENOUGH_WINDOWS

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
    Column("bas_motion", "halt", 2, "Speed minima with a beat at them."),
    Column("footfall", "step", 2, "Steps on a beat or half-beat. Dancers step on the beat."),
    Column("fid_k", "FID k", 1, "Frechet distance of kinetic features (speeds, acceleration) to real dance."),
    Column("fid_g", "FID g", 1, "Frechet distance of geometric features (places, angles) to real dance."),
)
DETAILS = (
    Column("bas_shifted", "beat off", 2, "Control of beat: the music a quarter of a beat early and late."),
    Column("bas_other", "beat other", 2, "Control of beat: another song."),
    Column("bas_motion_shifted", "halt off", 2, "Control of halt: the music a quarter of a beat early and late."),
    Column("bas_motion_other", "halt other", 2, "Control of halt: another song."),
    Column("footfall_shifted", "step off", 2, "Control of step: the music a quarter of a beat early and late."),
    Column("footfall_lead", "step lead", 2, "Step less step off, as a share of what this tempo allows. 0: by chance."),
    Column("footfall_other", "step other", 2, "Control of step: another song."),
    Column("diversity_k", "diversity k", 1, "Mean distance between three-second windows in kinetic features."),
    Column("diversity_g", "diversity g", 1, "Mean distance between three-second windows in geometric features."),
    Column("jerk_mean", "jerk", 0, "Mean joint jerk, body heights a second cubed. Far above real: trembling."),
    Column("pfc", "PFC", 2, "EDGE's physical foot contact score, where joints in space are known. High: bodies float."),
    Column("knee_pops", "knee pops", 1, "How often a minute the knee of a nearly straight leg jumps, in space."),
    Column("limb_stretched", "stretched", 4, "Share of limbs longer than 1.25 times their own length."),
    Column("twisted", "twisted", 4, "Share of frames whose shoulders are the other way round than their hips."),
    Column("side_swaps", "swaps", 3, "How often a second left and right of a pair of joints change places."),
    Column("windows", "windows", 0, "Windows of three seconds that the Frechet distances and the diversity are of."),
    Column("beats", "beats", 0, "Beats of the music, on average. 0: none was heard."),
    Column("seconds", "seconds", 0, "How much dance was measured."),
)
"""What the page shows in a table of its own."""
VIDEO_COLUMNS = (
    Column("flicker", "flicker", 4, "Warping error: how much pixels change beyond what moves, 0 to 1."),
    Column("pck", "PCK", 2, "Share of the requested joints that a detector finds in the video."),
    Column("pose_error", "pose err", 3, "Mean distance of found joints from the requested ones, body heights."),
)
CONTROLS = {
    "a quarter beat off": {
        "bas_music": "bas_shifted", "bas_motion": "bas_motion_shifted", "footfall": "footfall_shifted",
    },
    "another song": {"bas_music": "bas_other", "bas_motion": "bas_motion_other", "footfall": "footfall_other"},
}  # fmt: skip
"""Rows under a dance's own: the same dance to music that it was not made for. Which figure stands in which column."""


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
        beatless = [song for song, each in zip(self.songs, self.each, strict=False) if is_beatless(each)]
        if beatless and not is_beatless(self.figures):
            said.append(f"{NO_BEAT} of {len(beatless)} of {len(self.each)} dances: {', '.join(beatless)}")
        count = self.figures.get("windows", float("nan"))
        if len(empty) < len(self.dances) and count < ENOUGH_WINDOWS:
            said.append(
                f"only {count:.0f} windows of three seconds: its Frechet distances come out too large, more songs help"
            )
        return said


def shown_columns(
    rows: Sequence[Mapping[str, float | None]], columns: Sequence[Column] = (*COLUMNS, *VIDEO_COLUMNS)
) -> list[Column]:
    """The columns in which any of the rows has a figure."""
    return [column for column in columns if any(known(row.get(column.key)) for row in rows)]


def controls(name: str, figures: Mapping[str, float | None]) -> list[tuple[str, dict[str, float | None]]]:
    """The rows that stand under a row of this name: its controls, where there are any.

    Baselines have none: they are controls themselves.
    """
    if is_baseline(name):
        return []
    found = [(title, {key: figures.get(other) for key, other in keys.items()}) for title, keys in CONTROLS.items()]
    return [(title, control) for title, control in found if any(map(known, control.values()))]


def known(value: float | None) -> bool:
    """Whether there is a figure: neither None nor nan."""
    return value is not None and isfinite(value)


def written(value: float | None, column: Column) -> str:
    """A figure as the table shows it; a dash where there is none."""
    return f"{value:.{column.decimals}f}" if known(value) else "-"


def control_cells(control: Mapping[str, float | None], columns: Sequence[Column]) -> list[str]:
    """The figures of a control's row as the table shows them; nothing in the columns that it does not control."""
    return [written(control[column.key], column) if column.key in control else "" for column in columns]


def as_text(
    rows: Sequence[tuple[str, Mapping[str, float | None]]],
    width: int | None = None,
    columns: Sequence[Column] = (*COLUMNS, *VIDEO_COLUMNS),
) -> str:
    """The table in plain text, controls and all; of columns that `width` characters do not hold, a second block below.

    rows: names with their figures. Names that take more than half of the width are shortened in their middle.
    """
    columns = shown_columns([figures for _, figures in rows], columns)
    lines = [["", *(column.title for column in columns)]]
    for name, figures in rows:
        lines.append([name, *(written(figures.get(column.key), column) for column in columns)])
        lines += [[f"  {title}", *control_cells(control, columns)] for title, control in controls(name, figures)]
    if width is not None:
        lines = [[shortened(line[0], width // 2), *line[1:]] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]

    def shown(line: list[str], block: list[int]) -> str:
        return "  ".join([line[0].ljust(widths[0]), *(line[i].rjust(widths[i]) for i in block)]).rstrip()

    blocks = ([shown(line, block) for line in lines if any(line[i] for i in block)] for block in _blocks(widths, width))
    return "\n\n".join("\n".join(block) for block in blocks)


def shortened(name: str, width: int) -> str:
    """A name of at most so many characters: its beginning and its end, which tell most names apart."""
    if len(name) <= width:
        return name
    end = (width - 1) // 2
    return f"{name[: width - 1 - end]}…{name[len(name) - end :]}"


def _blocks(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """The columns after the first, in as few blocks as fit beside it into `width` characters."""
    blocks: list[list[int]] = [[]]
    used = widths[0]
    for column, needed in enumerate(widths[1:], 1):
        used += 2 + needed
        if width is not None and used > width and blocks[-1]:
            blocks.append([])
            used = widths[0] + 2 + needed
        blocks[-1].append(column)
    return blocks
