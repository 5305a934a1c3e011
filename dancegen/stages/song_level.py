"""song-level: how loud a whole song is, heard once and kept, so that a part of it is danced as the whole is there."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import AudioError, reading
from dancegen.stages.songs import SongFile
from dancegen.store import Recipe
from dancegen.text import read_json

if TYPE_CHECKING:
    from dancegen.audio.song import Level

STAGE = "song-level"
VERSION = 1
FILE, WHAT = "level.json", "file of a song's level"


def level_of_song(song: SongFile, context: Context, span: tuple[float, float]) -> Level | None:
    """The level of the whole song that a span of it, from and to in seconds, belongs to; None if that is all of it.

    From the store, or heard now. Raises AudioError as `level_of` does.
    """
    from dancegen.audio.song import Level, level_of

    if span[0] <= 0 and span[1] >= song.info.seconds:
        return None

    def build(directory: Path) -> dict:
        level = level_of(song.info, context.progress)
        (directory / FILE).write_text(json.dumps(asdict(level)))
        return {"seconds": round(song.info.seconds, 3), **asdict(level)}

    made = context.step(force=False).obtain(Recipe(STAGE, VERSION, {}, (replace(song.input, role="song"),)), build)
    path = made.file(FILE)
    with reading(path, WHAT, AudioError):
        return Level(**read_json(path, WHAT, AudioError))
