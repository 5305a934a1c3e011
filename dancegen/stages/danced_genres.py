"""What a dance says of its genres: which are danced from when until when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.choreographers.genres import GenreSpan, read_spans, seconds_of, written
from dancegen.progress import Progress
from dancegen.stages.dance_files import GENRES

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers import BodyChoreographer, DanceControls


def write_genres(
    dancer: BodyChoreographer,
    song: SongFeatures,
    controls: DanceControls,
    seed: int,
    directory: Path,
    progress: Progress,
) -> None:
    """Say what is going to be danced, and write it beside the dance; nothing of a dancer that knows no genres."""
    from dancegen.choreographers import GenreChoreographer

    spans = dancer.genres(song, controls, seed=seed) if isinstance(dancer, GenreChoreographer) else ()
    if not spans:
        return
    (directory / GENRES).write_text(json.dumps(written(spans)) + "\n", encoding="utf-8")
    if controls.genre is None:
        progress.say(f"dances {told(spans)}; --genre dances one throughout")


def genres_of_dance(directory: Path) -> dict[str, dict[str, float]]:
    """For the summary: the seconds of each genre."""
    path = directory / GENRES
    return {"genres": seconds_of(read_spans(path))} if path.is_file() else {}


def told(spans: Sequence[GenreSpan]) -> str:
    """In words: "salsa", or "salsa, from 0:32 modern, from 1:04 salsa"."""
    first, *others = spans
    return ", ".join([first.genre, *(f"from {_clock(span.start_s)} {span.genre}" for span in others)])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
