"""The takes a person names: recordings of dance, or folders of them, with what belongs to each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dancegen.dataset.genre_names import GenreFiles
from dancegen.dataset.splits import SplitChoice
from dancegen.errors import DancegenError, InputError, MocapError
from dancegen.motion.readers.beside import how_to_give_a_song
from dancegen.motion.readers.databases import is_aist
from dancegen.motion.readers.protocol import Kind
from dancegen.motion.readers.registry import Take, find_takes, known
from dancegen.motion.readers.video import check_is_file
from dancegen.progress import Progress
from dancegen.stages.own_outputs import is_own
from dancegen.stages.songs import SongFile
from dancegen.store import Input
from dancegen.store.hashing import hash_value

_SHOWN = 5
"""Names in a message."""


@dataclass(frozen=True)
class TakeFile:
    """A take as it was found. name: its own among all takes, and what its clips are called by; shown: for messages."""

    take: Take
    name: str
    shown: str
    source: str
    inputs: tuple[Input, ...]
    song: SongFile | None = None

    @property
    def kind(self) -> Kind:
        """What the take is a recording of."""
        return self.take.reader.kind

    @property
    def digest(self) -> str:
        """Of all that the take is made of: two motions on two skeletons may have the same numbers."""
        return self.inputs[0].digest if len(self.inputs) == 1 else hash_value([each.digest for each in self.inputs])

    def worded(self, message: str) -> str:
        """A message about this take that begins with its name, its paths as short as they can be told apart."""
        for path in (self.take.path, *self.take.reader.companions(self.take.path)):
            message = message.replace(str(path), self.shown if path == self.take.path else path.name)
        message = message.removesuffix(".")
        return message if self.shown in message else f"{self.shown}: {message}"


def find_sources(sources: Sequence[str | Path], progress: Progress) -> tuple[list[TakeFile], list[str]]:
    """Every take of the sources, once each, sorted by name within its source; and why others cannot be used.

    Raises InputError where a source is none, or nothing in all of them can be used.
    """
    if not sources:
        raise InputError(f"nothing to prepare: name a folder of motion capture or videos ({known()})")
    found: dict[str, TakeFile] = {}
    faults: list[str] = []
    hashed = cache(Input.file)  # takes may share a skeleton, or a song
    for source in map(Path, sources):
        for take in _best_of_each(_takes(source, progress), source, progress):
            if take.info.ignored is not None and take.path != source:
                progress.say(f"{_shown(take.path, source)}: left out, since {take.info.ignored}")
                continue
            try:
                item = _take_file(take, source, hashed)
            except (DancegenError, OSError) as error:
                shown = _shown(take.path, source)
                said = str(error).replace(str(take.path), shown)
                faults.append(said if said.startswith(shown) else f"{shown}: {said}")
                continue
            same = found.setdefault(item.digest, item)
            if same is not item:
                what = "video" if take.reader.kind == "video" else "motion"
                progress.warn(f"{take.path} is the same {what} as {same.take.path}: used once")
    if not found:
        raise InputError(faults[0] if faults else "nothing to prepare: every take is on a list of those to be ignored")
    _tell_of_unlisted([item.take for item in found.values()], progress)
    return _told_apart(list(found.values())), faults


def of_the_side(takes: list[TakeFile], choice: SplitChoice, progress: Progress) -> list[TakeFile]:
    """The takes that `--split` asks for. Raises InputError where databases have none on that side."""
    kept = [item for item in takes if not choice.leaves_out(item.take.info.split)]
    if not kept:
        raise InputError(f"--split {choice.how}: by their database's own lists, all takes are on other sides")
    if len(kept) < len(takes):
        progress.say(
            f"{len(takes) - len(kept)} takes are left out: by their database's own lists they are not on the side "
            f"{choice.how}"
        )
    return kept


def folder_name(source: str) -> str:
    """The name of a source's folder: what dance it holds, where people sort their takes."""
    place = Path(os.path.abspath(source))  # not resolved: a link's name is what the person calls it
    return place.parent.name if place.is_file() else place.name


def genres_of(takes: Iterable[TakeFile], asked: str | None, progress: Progress) -> dict[str, str]:
    """By the take's name: the genre that is asked for, else what a genres.json says, the names of its database, or the
    name of its source's folder.

    Warns of names in a genres.json that no take has. Raises InputError for one that cannot be read.
    """
    files, found = GenreFiles(), {}
    for item in takes:
        named = None if asked else files.genre_of(item.take.path, Path(item.source))
        found[item.name] = asked or named or item.take.info.genre or folder_name(item.source)
    for path, names in files.unused.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        progress.warn(f"{path}: no take is called {', '.join(names[:_SHOWN])}{more}")
    return found


def _takes(source: Path, progress: Progress) -> list[Take]:
    if not source.exists():
        raise InputError(f"there is no {source}: name a folder or file of motion capture, or of videos")
    own: list[Path] = []

    def passed_by(path: Path) -> bool:
        if is_own(path):
            own.append(path)
        return bool(own) and own[-1] == path

    try:
        takes = find_takes(source, passed_by)
    except MocapError as error:
        if own:
            raise InputError(f"{source} holds only what dancegen made: name such a file itself to use it") from error
        raise
    for suffix, count in sorted(Counter(path.suffix.lower() for path in own if path.is_file()).items()):
        progress.say(f"{count} {suffix} that dancegen made in {source} are left alone; name one itself to use it")
    return takes


def _best_of_each(takes: list[Take], source: Path, progress: Progress) -> list[Take]:
    """Of one dance that is there in several formats, that which knows most of it, such as AIST++'s `motions`.

    One dance are recordings of one name in one folder, and in AIST++ wherever they are.
    """
    ranks: dict[tuple[Path, str], int] = {}
    keys = [(source if is_aist(take.path) else take.path.parent, take.path.stem) for take in takes]
    for key, take in zip(keys, takes, strict=True):
        ranks[key] = min(take.reader.rank, ranks.get(key, take.reader.rank))
    best, others = [], []
    for key, take in zip(keys, takes, strict=True):
        (best if take.reader.rank == ranks[key] else others).append(take)
    if others:
        count = "one recording shows a dance" if len(others) == 1 else f"{len(others)} recordings show dances"
        place = others[0].path if others[0].path.parent == best[0].path.parent else others[0].path.parent
        progress.say(
            f"{count} that other files in {source} say more of, which are read; to read these name {place} itself"
        )
    return best


def _tell_of_unlisted(takes: list[Take], progress: Progress) -> None:
    """Warn of sequences of AIST++ on none of its lists, which its authors' own models do not learn from either."""
    named = [take for take in takes if is_aist(take.path)]
    unlisted = [take for take in named if take.info.split is None]
    if unlisted and len(unlisted) < len(named):
        progress.warn(
            f"{len(unlisted)} of {len(named)} sequences, such as {unlisted[0].path.stem}, are on none of AIST++'s "
            "lists, so chance says what they are for. They may have the music or the choreography of its test set: for "
            "figures that can be compared with papers, add them to ignore_list.txt"
        )


def _take_file(take: Take, source: Path, hashed: Callable[[str, Path], Input]) -> TakeFile:
    """File names enter the roles of the inputs, and so the digest: they say who dances with whom."""
    if take.reader.kind == "video":
        check_is_file(take.path)
    role = f"{take.reader.kind} {take.path.stem}"
    own = Input.directory(role, take.path) if take.path.is_dir() else hashed(role, take.path)
    inputs = (own, *(hashed("skeleton", path) for path in take.reader.companions(take.path)))
    song = None if take.info.song is None else SongFile(take.info.song)
    if song is not None:
        _ = song.input  # unreadable, it is this take's fault
    elif take.reader.kind == "poses":
        raise InputError(f"it has no song, and only motion capture can be given one: {how_to_give_a_song(take.path)}")
    return TakeFile(take, _clip_name(take.path), _shown(take.path, source), str(source), inputs, song)


def _shown(path: Path, source: Path) -> str:
    return path.name if path == source else path.relative_to(source).as_posix()


def _clip_name(path: Path) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem) or "take"


def _told_apart(files: list[TakeFile]) -> list[TakeFile]:
    """With names that differ, also where case does not count."""
    names, shown = Counter(item.name.lower() for item in files), Counter(item.shown for item in files)
    return [
        replace(
            item,
            name=f"{item.name}-{item.digest[:6]}" if names[item.name.lower()] > 1 else item.name,
            shown=str(item.take.path) if shown[item.shown] > 1 else item.shown,
        )
        for item in files
    ]
