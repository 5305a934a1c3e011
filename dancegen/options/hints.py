"""What a person probably meant who gave a command or a function an option that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields

from dancegen.choreographers.registry import bundled_genres
from dancegen.errors import nearest
from dancegen.options.verbs import VERBS, Verb
from dancegen.renderers import STYLES

RENAMED = {
    "generate-poses": {"style": "genre", "stage": "floor", "guidance": "music_guidance", "size": "canvas"},
    "extract-poses": {"size": "canvas"},
    "train": {"steps": "max_steps"},
    "evaluate": {"fps": "json_fps", "dances": "inputs", "models": "inputs"},
}
"""Options as 0.1 called them, by command."""
OTHER_WORDS = {
    "secs": "seconds", "sec": "seconds", "duration": "seconds", "length": "seconds", "offset": "start",
    "begin": "start", "from": "start", "frame_rate": "fps", "framerate": "fps", "rate": "fps", "resolution": "size",
    "width": "size", "height": "size", "text": "prompt", "negative": "negative_prompt", "cfg": "guidance",
    "cfg_scale": "guidance", "portrait": "image", "lr": "learning_rate", "batch_size": "batch", "time": "minutes",
    "checkpoint": "model", "weights": "model", "mood": "energy", "dance": "genre", "out": "output", "o": "output",
    "out_dir": "output", "overwrite": "force", "gpu": "device", "cuda": "device", "verbose": "debug", 
    "license": "licence", "view": "views", "audio": "music",
}  # fmt: skip
"""What other programs call an option that a command may have."""


def hint_for(
    verb: Verb | None, name: str, value: str | None, known: Iterable[str], write: Callable[[str], str] = str
) -> str:
    """What to write instead of the option `name`, which the verb does not have; empty where nobody can tell.

    name: with underscores. value: what was given with it. known: the names that there are, `output` and such too.
    write: how a name is written, as it stands or as a flag.
    """
    known = list(known)
    renamed = RENAMED.get(verb.name, {}).get(name) if verb is not None else None
    if name == "style" and value is not None:
        dances = value.casefold() in bundled_genres()
        if dances and "genre" not in known:
            return f"{value} is a genre, which dance and generate-poses take: {write('genre')} {value}"
        renamed = "genre" if dances else None if value in STYLES else renamed
    if renamed in known:
        return f"write {write(renamed)}{'' if value is None else f' {value}'}"
    if OTHER_WORDS.get(name) in known:
        return f"did you mean {write(OTHER_WORDS[name])}?"
    takes = [each.name for each in VERBS if each is not verb and name in {own.name for own in fields(each.options())}]
    if takes:
        return f"that is an option of {', '.join(takes[:-1])}{' and ' if takes[1:] else ''}{takes[-1]}"
    meant = nearest(name, known)
    return f"did you mean {write(meant)}?" if meant is not None else ""
