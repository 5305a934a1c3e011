"""Export: an artifact's files copied out of the store, to the file or directory that `--output` names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dancegen.errors import InputError
from dancegen.store.artifact import Artifact
from dancegen.store.atomic import unique, writing
from dancegen.store.manifest import MANIFEST, Damage, Manifest


def check_output(output: str | Path | None, files: tuple[str, ...]) -> None:
    """Whether `output` can hold a result whose main files are `files`; cheap, so that it is known before any work.

    Raises InputError for a file suffix no main file has, and where a file is in a directory's place.
    """
    if output is None:
        return
    path = Path(output)
    if _is_file(output):
        suffixes = sorted({Path(name).suffix for name in files})
        if path.suffix.lower() not in suffixes:
            known = f"one of {', '.join(suffixes)}, or " if suffixes else ""
            raise InputError(f"--output {output}: there is no {path.suffix} file to write; give {known}a directory")
    elif path.exists() and not path.is_dir():
        raise InputError(f"--output {output} is a file; give a directory, or a name with a file suffix")
    _check_parents(path)


def export(artifact: Artifact, output: str | Path, files: tuple[str, ...] = ()) -> Path:
    """Copy an artifact's payload to `output` and return where it went.

    A name with a file suffix becomes that one file: the first of `files` with the suffix, else the payload's only one.
    Anything else is a directory that receives every file under its own name, and the manifest too where nothing but
    dancegen's own files is there already: such a directory can be given as an input. Files of the same name are
    replaced, each whole or not at all. Raises InputError as `check_output` does, StoreError where a write fails.
    """
    path = Path(output)
    if _is_file(output):
        _copy(artifact.file(_choose(artifact, path.suffix.lower(), files)), path)
        return path
    names = [entry.path for entry in artifact.files]
    if _is_own(path):
        # Written last: a copy that was interrupted must not look whole.
        (path / MANIFEST).unlink(missing_ok=True)
        names.append(MANIFEST)
    for name in names:
        _copy(artifact.path / name, path / name)
    return path


def _is_file(output: str | Path) -> bool:
    text = os.fspath(output)
    return bool(Path(text).suffix) and not text.endswith(("/", os.sep)) and not Path(text).is_dir()


def _is_own(directory: Path) -> bool:
    """Whether a directory is new, empty, or an earlier result of dancegen."""
    if not directory.exists() or not any(directory.iterdir()):
        return True
    try:
        Manifest.read(directory)
    except Damage:
        return False
    return True


def _choose(artifact: Artifact, suffix: str, files: tuple[str, ...]) -> str:
    names = [entry.path for entry in artifact.files if Path(entry.path).suffix.lower() == suffix]
    main = [name for name in files if name in names]
    if main:
        return main[0]
    if len(names) == 1:
        return names[0]
    has = f"it has several: {', '.join(names[:5])}" if names else "it has none"
    raise InputError(f"no one {suffix} file of this {artifact.stage} can be chosen, {has}; give a directory")


def _check_parents(path: Path) -> None:
    for parent in path.absolute().parents:
        if parent.is_dir():
            return
        if parent.exists():
            raise InputError(f"--output {path} cannot be written: {parent} is a file")


def _copy(source: Path, target: Path) -> None:
    # A copy and not a hard link: whoever edits it must not edit the store.
    temporary = target.with_name(f".{target.name}.{unique()}")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
