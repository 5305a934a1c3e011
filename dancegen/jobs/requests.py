"""What a page may ask for: the keywords of a verb, checked as by the command line, and which files they name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from dancegen.errors import InputError, KeywordError
from dancegen.options.declare import Options, flag_of
from dancegen.options.verbs import verb_named

CIRCUMSTANCES = ("device", "force", "name")
"""Keywords of every verb that a page may give. Not `output`: nothing is written outside the store."""
TEXT = "TEXT"
"""What stands for prompts in the help."""
PART = r"[^|,@=:\s]"
"""A character of a word or a file's name, and none that joins a file with a moment or a weight, or several of them."""
_RESULT = "result_of"


def result(job_id: str) -> dict[str, str]:
    """A keyword's value that stands for what a job will have made."""
    return {_RESULT: job_id}


def result_of(value: Any) -> str | None:
    """The id of the job whose result a value stands for."""
    return value.get(_RESULT) if isinstance(value, dict) else None


def checked(name: str, keywords: Mapping[str, Any], allowed: Sequence[Path]) -> dict[str, Any]:
    """The keywords that were given, as they can be kept. allowed: directories whose files may be read.

    Raises InputError for options that are wrong as the command would, and for files outside those directories.
    """
    kind = verb_named(name).options()
    known = {each.name for each in fields(kind)}
    given = {key: value for key, value in keywords.items() if value is not None and value != "" and value != []}
    for key in given:
        if key not in known and key not in CIRCUMSTANCES:
            raise KeywordError(f"{name} takes no {key}")
    own = {key: value for key, value in given.items() if key in known and result_of(value) is None}
    later = {key: "0" * 16 for key in given if key in known and key not in own}
    missing = [each for each in fields(kind) if each.default is MISSING and each.name not in own | later]
    if missing:
        raise InputError(f"{flag_of(missing[0])} is missing: {missing[0].metadata['declared'].help}")
    kind(**own, **later)
    check_files(kind, own, allowed)
    return {key: _plain(value) for key, value in given.items()}


def check_files(kind: type[Options], given: Mapping[str, Any], allowed: Sequence[Path]) -> None:
    """InputError where an option names a file that lies in none of these directories, also by a link or by `..`.

    Every option is looked at but those that are text to be read, since names of models may be files, too.
    """
    hints = get_type_hints(kind)
    for each in fields(kind):
        value = given.get(each.name)
        if value is None or (each.metadata["declared"].metavar == TEXT and not _takes_path(hints[each.name])):
            continue
        for item in value if isinstance(value, tuple | list) else (value,):
            text = str(item)
            if not all(_may_read(Path(part), allowed) for part in (text, *_parts(text, allowed))):
                raise InputError(
                    f"{flag_of(each)} {text}: here only files can be named that were uploaded, or are in the store "
                    "or in a directory that was given with --allow"
                )


def _parts(text: str, allowed: Sequence[Path]) -> list[str]:
    """The words and files in an option's value. The names of the allowed directories may have any characters."""
    roots = "|".join(re.escape(str(root)) for root in allowed)
    return re.findall(f"(?:{roots})(?={re.escape(os.sep)}){PART}*|{PART}+" if roots else f"{PART}+", text)


def _may_read(path: Path, allowed: Sequence[Path]) -> bool:
    """Names without a directory are words and digests: the worker's own directory has no such files."""
    if not path.is_absolute() and ".." not in path.parts and not str(path).startswith("~"):
        return True
    place = path.expanduser().resolve()
    return any(place.is_relative_to(root.resolve()) for root in allowed)


def _takes_path(hint: Any) -> bool:
    inside = get_args(hint)
    return hint is Path or any(_takes_path(each) for each in inside)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
