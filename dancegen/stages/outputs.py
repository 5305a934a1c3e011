"""Where the copy of a result goes, looked at before any work and again when it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dancegen.context import Context
from dancegen.errors import DancegenError, InputError
from dancegen.options.declare import Options, Role, declared
from dancegen.options.verbs import Verb
from dancegen.stages.songs import song_path
from dancegen.store import Artifact, Exported, Output, Taken, export


@dataclass(frozen=True)
class Copy:
    """A copy to be written. output: where to; None for none at all. names: other places, where that one is taken."""

    output: Output | None
    names: Callable[[], Iterator[Path]] | None = None
    say: Callable[[str], None] = lambda line: None

    def write(self, artifact: Artifact) -> Path | None:
        """Write it, and return where it is. Raises as `export`, Taken only where a person named the place."""
        if self.output is None:
            return None
        try:
            return export(artifact, self.output)
        except Taken:
            if self.names is None:
                raise
        return replace(self, output=_first(self.output, self.names(), self.say)).write(artifact)


def planned_copy(verb: Verb, options: Options, output: str | Path | None, context: Context) -> Copy:
    """The copy that was asked for; a dance goes to SONG.mp4 in the current directory by itself.

    By itself it never takes the place of a file that dancegen did not make. Raises InputError for a place that cannot
    be, that is one of the inputs, or (Taken) that holds what dancegen did not make.
    """
    exported = Exported(context.store.root, _digest_in, context.store.below)
    if output is not None:
        _check_inputs(options, Path(output))
        asked = Output(output, verb.files, verb.others, exported, context.force)
        asked.check()
        return Copy(asked)
    if verb.name != "dance":
        return Copy(None)
    from dancegen.stages.dance import default_names

    song = song_path(getattr(options, "song"))  # noqa: B009
    asked = Output(f"{song.stem}.mp4", verb.files, verb.others, exported)

    def names() -> Iterator[Path]:
        return default_names(song)

    return Copy(_first(asked, names(), context.progress.say), names, context.progress.say)


def _first(output: Output, names: Iterator[Path], say: Callable[[str], None]) -> Output:
    """The output at the first of these names that nothing else has."""
    passed = []
    for name in names:
        found = replace(output, path=name)
        try:
            found.check()
        except Taken:
            passed.append(name)
            continue
        if passed:
            say(f"{passed[0]} is there already, and dancegen did not make it: the video goes to {name}")
        return found
    raise InputError("every name for the video is taken here; give one with --output")


def _check_inputs(options: Options, output: Path) -> None:
    """InputError where the result would take the place of what it is made from."""
    for each in fields(options):
        value = getattr(options, each.name)
        if declared(each).role is not Role.INPUT or value is None or isinstance(value, Artifact):
            continue
        for given in value if isinstance(value, tuple) else (value,):
            if not isinstance(given, Artifact) and Path(given).is_file() and _is_same(output, Path(given)):
                what = "the song itself" if each.name == "song" else f"what {each.name.replace('_', ' ')} is read from"
                raise InputError(f"--output {output} is {what}; give the result another name")


def _is_same(target: Path, source: Path) -> bool:
    return source.exists() and target.exists() and target.samefile(source)


def _digest_in(path: Path) -> str | None:
    """The digest of the artifact that a video of dancegen's says it is of."""
    from dancegen.video.info import VIDEO_SUFFIXES, film_digest, probe_video

    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return None
    try:
        return film_digest(probe_video(path))
    except DancegenError:
        return None
