"""Where the copy of a result goes, looked at before any work and again when it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dancegen.codecs import CODECS
from dancegen.context import Context
from dancegen.errors import DancegenError, InputError
from dancegen.options.declare import Options, Role, declared
from dancegen.options.verbs import Verb
from dancegen.stages.control_files import write_workflows
from dancegen.stages.in_space import check_files_in_space
from dancegen.stages.songs import song_path
from dancegen.store import Artifact, Exported, Output, Taken, export

BVH_SUFFIX = ".bvh"
"""Of a file that dances in space have, and that export makes of the others."""


@dataclass(frozen=True)
class Copy:
    """A copy to be written. output: where to; None for none at all. names: other places, where that one is taken."""

    output: Output | None
    names: Callable[[], Iterator[Path]] | None = None
    say: Callable[[str], None] = lambda line: None
    remade: Callable[[Artifact], Artifact] | None = None
    """Makes what is copied of the result, where the result itself has no such file."""

    def write(self, artifact: Artifact) -> Path | None:
        """Write it, and return where it is. Raises as `export`, Taken only where a person named the place."""
        if self.output is None:
            return None
        if self.remade is not None:
            artifact = self.remade(artifact)
        try:
            path = export(artifact, self.output)
            write_workflows(artifact, self.output)
            return path
        except Taken:
            if self.names is None:
                raise
        return replace(self, output=_first(self.output, self.names(), self.say), remade=None).write(artifact)


def suited(options: Options, output: str | Path | None) -> Options:
    """The options with what the place of the result says of them, as they declare. Raises InputError where the place
    and an option do not go together.
    """
    if output is None:
        return options
    place = Output(output)
    said = ((each.name, declared(each).placed) for each in fields(options))
    return replace(
        options, **{name: of(options, getattr(options, name), place) for name, of in said if of is not None}
    )  # fmt: skip


def planned_copy(verb: Verb, options: Options, output: str | Path | None, context: Context) -> Copy:
    """The copy that was asked for; a dance goes to SONG.mp4 in the current directory by itself.

    By itself it never takes the place of a file that dancegen did not make. Raises InputError for a place that cannot
    be, that is one of the inputs, or (Taken) that holds what dancegen did not make.
    """
    exported = Exported(context.store.root, _digest_in, context.store.below)
    if output is not None:
        _check_inputs(options, Path(output))
        asked = Output(output, (*verb.files, *verb.exports), verb.others, exported, context.force)
        asked.check()
        if verb.name == "generate-poses":
            check_files_in_space(output, getattr(options, "model"), context)  # noqa: B009
        return Copy(asked, remade=_exporting(verb, options, asked, context))
    if getattr(options, "retarget", None) is not None and verb.exports:
        raise InputError("--retarget says who dances in the file that is written: name it with -o, like -o dance.glb")
    if verb.name != "dance":
        return Copy(None)
    from dancegen.stages.dance import default_names

    song = song_path(getattr(options, "song"))  # noqa: B009
    suffix = CODECS[getattr(options, "codec")].suffix  # noqa: B009
    asked = Output(f"{song.stem}{suffix}", verb.files, verb.others, exported)

    def names() -> Iterator[Path]:
        return default_names(song, suffix)

    return Copy(_first(asked, names(), context.progress.say), names, context.progress.say)


def _exporting(verb: Verb, options: Options, output: Output, context: Context) -> Callable[[Artifact], Artifact] | None:
    """What makes the files that are made of a result by export, where one is asked for. Raises as `check_character`."""
    retarget = getattr(options, "retarget", None)
    if "retarget" in {each.name for each in fields(options)}:
        from dancegen.stages.export import check_output

        check_output(output.path, retarget)
    suffix = Path(output.path).suffix.lower() if output.is_file else ""
    suffixes = {Path(name).suffix for name in verb.exports} | {BVH_SUFFIX}
    if not verb.exports or (retarget is None and suffix not in suffixes):
        return None
    from dancegen.options.dance import ExportOptions
    from dancegen.stages.export import check_character, export

    asked = ExportOptions(retarget=retarget)
    check_character(asked)

    def exported(artifact: Artifact) -> Artifact:
        there = retarget is None and any(Path(entry.path).suffix == suffix for entry in artifact.files)
        return artifact if there else export(asked, context.step(), artifact)

    return exported


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
        read = declared(each).role is Role.INPUT or each.name == "retarget"
        if not read or value is None or isinstance(value, Artifact):
            continue
        for item in value if isinstance(value, tuple) else (value,):
            given = item[-1] if isinstance(item, tuple) else item  # a pose behind its moment
            if not isinstance(given, Artifact) and Path(given).is_file() and _is_same(output, Path(given)):
                what = "the song itself" if each.name == "song" else f"what {each.name.replace('_', ' ')} is read from"
                raise InputError(f"--output {output} is {what}; give the result another name")


def _is_same(target: Path, source: Path) -> bool:
    return source.exists() and target.exists() and target.samefile(source)


def _digest_in(path: Path) -> str | None:
    """The digest of the artifact that a video, or a glTF file, of dancegen's says it is of."""
    from dancegen.motion.characters.glb_file import noted_digest
    from dancegen.video.info import VIDEO_SUFFIXES, film_digest, probe_video

    if path.suffix.lower() in (".glb", ".vrma"):
        return noted_digest(path)
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return None
    try:
        return film_digest(probe_video(path))
    except DancegenError:
        return None
