"""Artifacts named by what made them: directories with a manifest, made once and published whole."""

from dancegen.store.artifact import Artifact
from dancegen.store.atomic import write_text
from dancegen.store.digests import file_digest
from dancegen.store.export import Output, Taken, export
from dancegen.store.exported import Exported
from dancegen.store.hashing import encode, hash_file, hash_value
from dancegen.store.making import Build
from dancegen.store.manifest import MANIFEST, Damage, FileEntry, Manifest, OtherSchema, Unreadable, Unusable
from dancegen.store.recipe import SCHEMA, SHORT, Input, Recipe
from dancegen.store.store import Roots, Store, as_cached, open_store

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "SHORT",
    "Artifact",
    "Build",
    "Damage",
    "Exported",
    "FileEntry",
    "Input",
    "Manifest",
    "OtherSchema",
    "Output",
    "Recipe",
    "Roots",
    "Store",
    "Taken",
    "Unreadable",
    "Unusable",
    "as_cached",
    "encode",
    "export",
    "file_digest",
    "hash_file",
    "hash_value",
    "open_store",
    "write_text",
]
