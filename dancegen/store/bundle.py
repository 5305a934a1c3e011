"""Artifacts on their way from one store to another: one .zip file or one folder each, with the manifest inside."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dancegen.errors import InputError, StoreError, reading
from dancegen.progress import SILENT, Progress
from dancegen.store.admission import admit, check_manifest
from dancegen.store.artifact import Artifact
from dancegen.store.atomic import beside, sync_file, writing
from dancegen.store.export import Output, export
from dancegen.store.exported import Exported
from dancegen.store.manifest import MANIFEST, FileEntry, Manifest, Unusable
from dancegen.store.store import Store

SUFFIX = ".zip"
LARGEST_MANIFEST = 64 << 20
"""Bytes: that of a dataset of 100,000 files has 20 million."""
MOST_MEMBERS = 1_000_000
_BLOCK = 1 << 20
_WHAT = "bundle of an artifact"


def bundle(artifact: Artifact, target: Path, *, force: bool = False, progress: Progress = SILENT) -> Path:
    """Write an artifact into one .zip file, or into a folder of its files; `import_bundle` reads both.

    Files are stored as they are: most of them are compressed already. The same artifact gives the same bytes. Raises
    InputError where a file of that name is there and `force` is not given, or a folder's files are not dancegen's, and
    StoreError where it cannot be written.
    """
    if target.suffix.lower() != SUFFIX:
        return export(artifact, Output(target, exported=Exported(artifact.path.parent.parent), force=force))
    if os.path.lexists(target) and not force:
        raise InputError(f"{target} is there already: choose another name, or --force")
    temporary = beside(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_zip(artifact, temporary, progress)
            sync_file(temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    return target


def import_bundle(store: Store, source: Path, progress: Progress = SILENT) -> Artifact:
    """The artifact in a .zip file or a folder, admitted into the store once every byte of it was checked.

    `cached` says that the store had it already. Raises InputError for what is no such thing, has names that lead out of
    its folder, links, files twice or files too many, or is not what its manifest says.
    """
    if source.is_dir():
        return _from_folder(store, source, progress)
    with reading(source, _WHAT), _opened(source) as archive:
        members = _members(archive, source)
        manifest = _manifest_of(archive, members, source)
        _compare(members, manifest, source)
        return admit(store, manifest, lambda entry: archive.open(members[entry.path]), str(source), progress)


def _write_zip(artifact: Artifact, target: Path, progress: Progress) -> None:
    with (
        zipfile.ZipFile(target, "x", zipfile.ZIP_STORED, allowZip64=True) as archive,
        progress.task(f"writing {target.name}", artifact.size) as advance,
    ):
        archive.writestr(zipfile.ZipInfo(MANIFEST), artifact.manifest.to_json())
        for entry in artifact.files:
            member = zipfile.ZipInfo(entry.path)  # dated 1980, so that the same artifact gives the same bytes
            member.file_size = entry.size
            with open(artifact.path / entry.path, "rb") as file, archive.open(member, "w") as packed:
                while block := file.read(_BLOCK):
                    packed.write(block)
                    advance(len(block))


def _from_folder(store: Store, folder: Path, progress: Progress) -> Artifact:
    try:
        manifest = Manifest.read(folder)
    except Unusable as reason:
        raise InputError(f"{folder} is no artifact that can be imported: {reason}") from reason
    check_manifest(manifest, str(folder))
    for entry in manifest.files:
        _check_plain(folder, entry)
    return admit(store, manifest, lambda entry: open(folder / entry.path, "rb"), str(folder), progress)


def _check_plain(folder: Path, entry: FileEntry) -> None:
    """InputError where a file or a folder on the way to it is a link: it could lead anywhere."""
    path = folder / entry.path
    for step in (path, *path.parents[: len(Path(entry.path).parts) - 1]):
        try:
            info = os.lstat(step)
        except OSError as error:
            raise InputError(f"{folder}: {entry.path} cannot be read: {error.strerror or error}") from error
        if stat.S_ISLNK(info.st_mode):
            raise InputError(f"{folder}: {step.relative_to(folder)} is a link; an artifact holds plain files only")
        if step == path and not stat.S_ISREG(info.st_mode):
            raise InputError(f"{folder}: {entry.path} is not a plain file; an artifact holds plain files only")


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise InputError(f"{source} does not exist") from error
    except zipfile.BadZipFile as error:
        raise InputError(f"{source} is neither a folder nor a .zip file that can be read ({error})") from error
    with archive:
        yield archive


def _members(archive: zipfile.ZipFile, source: Path) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by their names below its top folder, if it has a single one."""
    files = [member for member in archive.infolist() if not member.is_dir()]
    if len(files) > MOST_MEMBERS:
        raise InputError(f"{source} has {len(files):,} files; no artifact has so many")
    manifests = [member.filename for member in files if member.filename.split("/")[-1] == MANIFEST]
    top = min(manifests, key=len, default=MANIFEST).removesuffix(MANIFEST)
    members: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        name = member.filename.removeprefix(top)
        mode = member.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            raise InputError(f"{source}: {member.filename} is a link or a device; an artifact holds plain files only")
        if member.flag_bits & 1:
            raise InputError(f"{source}: {member.filename} is encrypted")
        if name in members:
            raise InputError(f"{source}: {member.filename} is in it twice")
        members[name] = member
    if MANIFEST not in members:
        raise InputError(f"{source} holds no {MANIFEST}: it was not made by dancegen artifacts export")
    return members


def _manifest_of(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], source: Path) -> Manifest:
    packed = members.pop(MANIFEST)
    if packed.file_size > LARGEST_MANIFEST:
        raise InputError(f"{source}: its {MANIFEST} would take {packed.file_size:,} bytes")
    with archive.open(packed) as file:
        text = _read(file, LARGEST_MANIFEST)
    try:
        return Manifest.parse(text.decode("utf-8"), source / MANIFEST)
    except (Unusable, UnicodeDecodeError) as reason:
        raise InputError(f"{source} is no artifact that can be imported: {reason}") from reason


def _compare(members: dict[str, zipfile.ZipInfo], manifest: Manifest, source: Path) -> None:
    """InputError where the files are not those of the manifest, by name and by size."""
    check_manifest(manifest, str(source))
    wanted = {entry.path: entry.size for entry in manifest.files}
    extra, missing = sorted(set(members) - set(wanted)), sorted(set(wanted) - set(members))
    if extra:
        raise InputError(f"{source}: {extra[0]!r} is in it, and its manifest does not name it")
    if missing:
        raise InputError(f"{source}: {missing[0]} is missing")
    wrong = next((name for name, size in wanted.items() if members[name].file_size != size), None)
    if wrong is not None:
        raise InputError(f"{source}: {wrong} has another size than it was made with")


def _read(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise StoreError("a manifest is larger than it says")
    return data
