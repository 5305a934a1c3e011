"""What can go wrong, worded for the person who made it. Each error knows the exit code its kind deserves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class DancegenError(Exception):
    """Something failed that was not the person's doing (exit code 1)."""

    exit_code = 1


class InputError(DancegenError):
    """Wrong usage or input: the message says what, in which file, and what to do next (exit code 2)."""

    exit_code = 2


class AudioError(InputError):
    """A song that cannot be read or is not one."""


class MocapError(InputError):
    """A motion capture file that cannot be read, or a skeleton whose joints are unknown."""


class PoseError(InputError):
    """A pose file or array that is not what it claims to be."""


class ModelError(InputError):
    """A model that is missing, damaged or of another architecture."""


class StoreError(DancegenError):
    """The artifact store could not be read or written."""


class TrainingError(DancegenError):
    """A training that can only get worse: the message says at which step, what went wrong, and what to try."""


class NotFoundError(InputError):
    """No such artifact, or none yet of the stage that is asked for."""


class DoneInPart(DancegenError):
    """Some of the work was done and kept; the message says what is missing (exit code 3)."""

    exit_code = 3


class KeywordError(InputError, TypeError):
    """A keyword that a function does not take."""


class Cancelled(DancegenError):
    """The run was cancelled from outside, at a step it can go on from (exit code 130)."""

    exit_code = 130


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Which of the names a person probably meant, if any."""
    from difflib import get_close_matches

    plain = {each.casefold(): each for each in names}
    begun = [each for each in plain if name and each.startswith(name.casefold())]
    swapped = [each for each in plain if sorted(each) == sorted(name.casefold())]
    found = begun or swapped or get_close_matches(name.casefold(), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def choose_one(name: object, names: Iterable[str]) -> str:
    """What to do about a name that is none of these: the end of an error's message."""
    names = list(names)
    meant = nearest(str(name), names)
    return f"{f'did you mean {meant}? ' if meant else ''}choose one of {', '.join(names)}"


@contextmanager
def reading(path: str | os.PathLike[str], what: str, kind: type[InputError] = InputError) -> Iterator[None]:
    """Around every reader of a file from outside: whatever a damaged or hostile file brings about names that file.

    what: what the file was taken for, such as "BVH file". Errors in words pass as they are; anything else is raised
    again as `kind`.
    """
    try:
        yield
    except DancegenError:
        raise
    except MemoryError as error:
        raise kind(f"{os.fspath(path)} would take more memory than there is: it is no {what} to be trusted") from error
    except OSError as error:
        raise kind(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise kind(f"{os.fspath(path)} cannot be read; it is damaged or not a {what} ({reason})") from error
