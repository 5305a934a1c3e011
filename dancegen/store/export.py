"""Export: an artifact's files copied out of the store, to the file or directory that `--output` names.

A file that dancegen did not make is never replaced, unless the person insists: see `exported`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import InputError, StoreError
from dancegen.formatting import address
from dancegen.store.artifact import Artifact
from dancegen.store.atomic import reason_of, unique
from dancegen.store.exported import Exported
from dancegen.store.hashing import hash_file
from dancegen.store.manifest import MANIFEST, Damage, FileEntry, Manifest

_Seen = tuple[int, int, int] | None
"""What tells a file from one in its place later: inode, bytes and time of the last change; None where there is none."""


class Taken(InputError):
    """A file that is not dancegen's lies where a result should go."""


@dataclass(frozen=True)
class Output:
    """Where a copy of a result is to go.

    path: a file, where its name ends in a suffix, else a directory. files: the main files of the result, which a suffix
    alone names, the foremost first. others: more names that the result's files may have. exported: what was copied
    before. force: replace whatever is there.
    """

    path: str | Path
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    exported: Exported | None = None
    force: bool = False

    @property
    def is_file(self) -> bool:
        """Whether one file is asked for and not a directory of all."""
        text = os.fspath(self.path)
        return bool(Path(text).suffix) and not text.endswith(("/", os.sep)) and not Path(text).is_dir()

    def check(self) -> None:
        """Whether the result can go there; cheap, so that it is known before any work.

        Raises InputError for an address, a suffix that no file of the result has, a file in a directory's place, a
        place where nothing can be written, and Taken for files that are not dancegen's.
        """
        path = Path(self.path)
        if found := address(self.path):
            raise InputError(f"--output {found} is an address; give a file or a directory, and copy it from there")
        try:
            here = path.lstat() if os.path.lexists(path) else None
            if self.is_file:
                self._check_suffix()
            elif here is not None and not path.is_dir():
                raise InputError(f"--output {self.path} is a file; give a directory, or a name with a file suffix")
            _check_parents(path, self.path)
            self._check_outside()
            _check_writable(path if path.is_dir() else path.parent, self.path)
            names = (*self.files, *self.others)
            self.look({path: ""} if self.is_file else {path / name: "" for name in names})
        except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(f"--output {self.path} cannot be written: {why}") from error

    def look(self, targets: Mapping[Path, str]) -> dict[Path, _Seen]:
        """What lies in each place now. targets: with the hash of what is to go there, as far as that is known.

        Raises Taken where something lies there that is not dancegen's, and not the same either.
        """
        found = {target: _seen(target) for target in targets}
        if not self.force:
            exported = self.exported or Exported(Path())
            foreign = [
                target for target, seen in found.items()
                if seen is not None and not _is_same(target, targets[target]) and not exported.is_ours(target)
            ]  # fmt: skip
            if foreign:
                raise Taken(_taken(self.path, foreign))
        return found

    def _check_outside(self) -> None:
        """A copy in an artifact's own directory would damage the artifact."""
        if self.exported is None:
            return
        path = Path(self.path).resolve()
        for root in (self.exported.root, *self.exported.below):
            inside = path.relative_to(root).parts if root in path.parents else ()
            artifact = root.joinpath(*inside[:2])
            if inside and (inside[0].startswith(".") or (artifact / MANIFEST).is_file()):
                raise InputError(f"--output {self.path} lies within the store {root}: choose a place outside")

    def _check_suffix(self) -> None:
        path = Path(self.path)
        suffixes = sorted({Path(name).suffix for name in self.files})
        named = _named(path.name, (*self.files, *self.others))
        if path.suffix.lower() not in suffixes and named is None:
            known = f"one of {', '.join(suffixes)}, or " if suffixes else ""
            raise InputError(f"--output {self.path}: there is no {path.suffix} file to write; give {known}a directory")


def export(artifact: Artifact, output: Output) -> Path:
    """Copy an artifact's payload to where it is to go, and return where that is.

    A name with a file suffix becomes that one file: the one of that name (`beats.json`, `my-song.beats.json`), else
    the first main file with the suffix, else the payload's only one. Anything else is a directory that receives every
    file under its own name, and the manifest too where nothing but dancegen's own files is there already: such a
    directory can be given as an input. Each file is written whole or not at all. Raises InputError as `check` does,
    Taken also for what has come there since, StoreError where a write fails.
    """
    path = Path(output.path)
    if output.is_file:
        wanted = {path: _choose(artifact, path, output.files, output.others)}
    else:
        wanted = {path / entry.path: entry for entry in artifact.files}
    own = not output.is_file and _is_own(path)
    try:
        seen = output.look({target: entry.sha256 for target, entry in wanted.items()})
        if own:
            # Written last: a copy that was interrupted must not look whole.
            _withdraw(path / MANIFEST)
        for target, entry in wanted.items():
            _copy(artifact.path / entry.path, target, seen[target], output)
        if own:
            _copy(artifact.path / MANIFEST, path / MANIFEST, None, output)
    except (Taken, StoreError) as error:
        raise type(error)(f"{error}; the result is kept in {artifact.path}") from error.__cause__
    if output.exported is not None:
        output.exported.remember(artifact, wanted.values())
    return path


def _withdraw(manifest: Path) -> None:
    try:
        manifest.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot replace {manifest}: {reason_of(error)}") from error


def _is_own(directory: Path) -> bool:
    """Whether a directory is new, empty, or an earlier result of dancegen."""
    if not directory.exists() or not any(directory.iterdir()):
        return True
    try:
        Manifest.read(directory)
    except Damage:
        return False
    return True


def _choose(artifact: Artifact, path: Path, files: tuple[str, ...], others: tuple[str, ...]) -> FileEntry:
    entries = {entry.path: entry for entry in artifact.files if Path(entry.path).suffix.lower() == path.suffix.lower()}
    named = _named(path.name, (*entries, *files, *others))
    if named is not None and named not in entries:
        raise InputError(f"--output {path}: this {artifact.stage} has no {named}; the result is {artifact.path}")
    main = [name for name in files if name in entries]
    if named is not None or main:
        return entries[named or main[0]]
    if len(entries) == 1:
        return next(iter(entries.values()))
    has = f"it has several: {', '.join(list(entries)[:5])}; name one of them" if entries else "it has none"
    raise InputError(f"no one {path.suffix} file of this {artifact.stage} can be chosen, {has}, or give a directory")


def _named(name: str, files: Iterable[str]) -> str | None:
    """The file of the result that a person's file name says: `beats.json`, or with words before it."""
    found = [file for file in files if re.search(rf"(^|[^A-Za-z0-9]){re.escape(file)}$", name, re.IGNORECASE)]
    return max(found, key=len, default=None)


def _check_parents(path: Path, given: str | Path) -> None:
    for parent in path.absolute().parents:
        if parent.is_dir():
            return
        if os.path.lexists(parent):
            raise InputError(f"--output {given} cannot be written: {parent} is no directory")


def _check_writable(folder: Path, given: str | Path) -> None:
    """Try it: permissions alone do not tell of read-only disks, and not the whole truth to an administrator."""
    while not folder.is_dir():
        folder = folder.absolute().parent
    probe = folder / f".dancegen-{unique()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.unlink(probe)
    except OSError as error:
        raise InputError(f"--output {given} cannot be written: {folder}: {reason_of(error)}") from error


def _taken(given: str | Path, foreign: list[Path]) -> str:
    if foreign == [Path(given)]:
        return f"--output {given} is there already, and dancegen did not make it: choose another name, or --force"
    names = ", ".join(str(path) for path in foreign[:3]) + (f" and {len(foreign) - 3} more" if foreign[3:] else "")
    return f"--output {given} would replace what dancegen did not make ({names}): choose another place, or --force"


def _is_same(path: Path, sha256: str) -> bool:
    return bool(sha256) and path.is_file() and not path.is_symlink() and hash_file(path) == sha256


def _seen(path: Path) -> _Seen:
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


def _copy(source: Path, target: Path, seen: _Seen, output: Output) -> None:
    """Copy one file, unless something else than what was seen lies there by now."""
    # A copy and not a hard link: whoever edits it must not edit the store.
    temporary = target.with_name(f".dancegen-{unique()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {target.parent}: {reason_of(error)}") from error
    try:
        shutil.copyfile(source, temporary)
        if output.force or (seen is not None and _seen(target) == seen):
            os.replace(temporary, target)
        else:
            _place(temporary, target)
    except FileExistsError as error:
        raise Taken(_taken(output.path, [target])) from error
    except OSError as error:
        raise StoreError(f"cannot write {target}: {reason_of(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _place(temporary: Path, target: Path) -> None:
    """Give a file a name that none has. Raises FileExistsError where one has it by now."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK):
            raise
        # A file system without hard links: an empty file holds the name until the whole one is there.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, target)
