"""dancegen genres: what a model can be asked to dance."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dancegen.choreographers.registry import FAMILIES, usual_family
from dancegen.cli import result
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.cli.layout import in_columns, wrapped

if TYPE_CHECKING:
    from dancegen.choreographers.family import Family
    from dancegen.choreographers.genres import Genre

UNKNOWN = "unknown"
EXAMPLES = ("genres", "genres --model 3f2a9c41", "genres --json")


def list_genres(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help=f"{', '.join(FAMILIES)}, a model's path or digest.",
            autocompletion=lambda incomplete: [name for name in FAMILIES if name.startswith(incomplete)],
        ),
    ] = usual_family(),
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """List the genres that a model can be asked to dance, with the minutes of dance that it learnt each from."""
    from dancegen.choreographers import known_genres
    from dancegen.store import open_store

    family, folder, genres = known_genres(model, open_store(store))
    if as_json:
        told = {"model": model, "family": family.name, "path": str(folder) if folder else None}
        result.print_json({**told, "genres": [_told(genre) for genre in genres]})
    elif quiet:
        print("".join(f"{genre.name}\n" for genre in genres), end="")
    else:
        print("\n".join(_lines(model, family, genres)))


def _told(genre: Genre) -> dict[str, Any]:
    """A genre as JSON. Scripts rely on its keys."""
    return {"name": genre.name, "minutes": genre.minutes, "tempo_bpm": genre.tempo_bpm, "speed": genre.speed}


def _lines(model: str, family: Family, genres: tuple[Genre, ...]) -> list[str]:
    usual = usual_family()
    if not genres:
        said = f"{family.who} dances all that it learnt as one; --model {usual} knows some"
        return [wrapped(f"{model} knows no genres: {said}", "  ")]
    count = f"{len(genres)} genre{'' if len(genres) == 1 else 's'}"
    named = f"dancegen dance SONG --genre {shlex.quote(genres[0].name)}"
    named += f" --model {shlex.quote(model)}" if model != usual else ""
    rows = [(genre.name, _learnt(genre)) for genre in genres]
    return [f"{model} knows {count}:", *in_columns(rows), f"dance one throughout: {named}"]


def _learnt(genre: Genre) -> str:
    if genre.minutes is None:
        return UNKNOWN
    tempo = f", to songs of about {genre.tempo_bpm:.0f} BPM" if genre.tempo_bpm else ""
    return f"{genre.minutes:.1f} minutes{tempo}"
