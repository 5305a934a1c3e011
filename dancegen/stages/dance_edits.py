"""Editing a dance step by step: what it was made from, its song, marks on a timeline, and poses moved by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, InputError
from dancegen.stages.dance_files import DANCES, GENERATED, MOTION
from dancegen.stages.songs import DEMO, SongFile, song_path
from dancegen.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np

    from dancegen.store.listing import Listed

KEEP, SPEED, POSE = "keep", "redo", "prompt"
"""Kinds of marks: where a dance stays, where it has another speed, and where it passes through a pose."""
OF_THE_EDIT = ("edit", "keep", "keep_joints", "pass_pose", "retime_span", "start_pose", "end_pose")
"""Options that say what is done to a dance, and not how the new one is danced."""
KINDS = (KEEP, SPEED, POSE)
"""In the order of the rows in which they are marked."""
MOST = 60
POSE_MARK_S = 0.2
"""Seconds that the mark of a pose takes on a timeline."""


def dances_in(store: Store) -> list[tuple[str, str]]:
    """The dances of a store, the one that was made or asked for last first, MOST at most: in words, and digests."""
    made = [each for each in reversed(store.listing().artifacts) if each.stage in DANCES]
    names = store.marks.names()
    found = sorted(made, key=lambda each: each.used_s, reverse=True)[:MOST]
    return [(_in_words(each, names.get((each.stage, each.short), [])), each.digest) for each in found]


def _in_words(dance: Listed, names: Sequence[str]) -> str:
    """A dance by its names, its song, its length, its digest and when it was made."""
    song = next((item.name for item in dance.inputs if item.role == "song"), "")
    seconds = dance.summary.get("seconds")
    length = f"{seconds:.1f} s" if isinstance(seconds, int | float) else ""
    made = dance.created[:16].replace("T", " ")
    return " · ".join(filter(None, [*names, song, length, dance.digest[:8], made]))


def edited_from(dance: Artifact, store: Store) -> Artifact | None:
    """The dance that a dance was made from with --edit; None where there is none, or the store has it no more."""
    item = next((each for each in dance.inputs if each.role == "edit"), None)
    held = store.listing().holding(item.digest) if item is not None else None
    if held is None or held[0].digest == dance.digest:
        return None
    try:
        return store.look_up(held[0].digest, held[0].stage)
    except DancegenError:
        return None


def song_of(dance: Artifact, songs: Iterable[str | Path]) -> str:
    """Which of these songs, or demo, a dance dances to, by its content. Raises InputError where it is none of them."""
    wanted = next((each.digest for each in dance.inputs if each.role == "song"), None)
    for song in dict.fromkeys([DEMO, *map(str, songs)]):
        try:
            if SongFile(song_path(song)).input.digest == wanted:
                return song
        except DancegenError:
            continue
    raise InputError(f"the song of {dance.digest[:8]} is not here: give its file, the same that was danced to")


def settings_of(dance: Artifact) -> dict[str, Any]:
    """What a dance was asked for, with the next seed, and without what its own edit was: to dance it once more."""
    if dance.stage != GENERATED:
        return {}
    asked = {name: value for name, value in dance.params.items() if name not in OF_THE_EDIT}
    floor = asked.get("floor")
    written = "none" if floor is None else "x".join(f"{side:g}" for side in floor)
    return {**asked, "floor": written, "seed": int(asked.get("seed") or 0) + 1}


def labelled(marks: Sequence[Mapping[str, Any]], speed: float, pose: str) -> list[dict[str, Any]]:
    """Marks with their kinds, after the rows that they are in, and what new ones of another speed or of a pose say."""
    new = {SPEED: f"{speed:g}", POSE: pose}
    found = []
    for mark in marks:
        kind = KINDS[max(0, mark["lane"])]
        found.append({**mark, "kind": kind, "label": mark["label"] or new.get(kind, "")})
    return found


def with_pose(marks: Sequence[Mapping[str, Any]], at_s: float, pose: str) -> list[Mapping[str, Any]]:
    """The marks with a pose at a second of the song, in the place of one that was there."""
    others = [mark for mark in marks if mark["kind"] != POSE or abs(mark["start_s"] - at_s) > POSE_MARK_S]
    lane = KINDS.index(POSE)
    return [*others, {"kind": POSE, "lane": lane, "start_s": at_s, "end_s": at_s + POSE_MARK_S, "label": pose}]


def asked_by(marks: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The keywords of generate-poses that marks {kind, start_s, end_s, label} on a timeline stand for.

    The label is the speed of a span, and the pose of a moment, which begins where its mark does.
    """
    written: dict[str, list[str]] = {}
    for mark in sorted(marks, key=lambda each: each["start_s"]):
        where = f"{mark['start_s']:g}-{mark['end_s']:g}"
        if mark["kind"] == KEEP:
            written.setdefault("keep", []).append(where)
        elif mark["kind"] == SPEED:
            written.setdefault("retime_span", []).append(f"{where}={mark['label']}")
        elif mark["kind"] == POSE:
            written.setdefault("pass_pose", []).append(f"{mark['start_s']:g}={mark['label']}")
    return written


def moved_pose(dance: Artifact, at_s: float, places: Mapping[str, Sequence[float]]) -> np.ndarray:
    """(18, 3) metres: the joints of the pose at a second of the song, with some joints of the body moved to places.

    Raises InputError for a dance that is not known in space, PoseError for a joint that there is not.
    """
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.inverse_kinematics import moved_joints
    from dancegen.stages.dance_controls import pose_in_song

    if not any(entry.path == MOTION for entry in dance.files):
        raise InputError("this dance is known in the picture only: its joints cannot be moved in space")
    pose = moved_joints(pose_in_song(BodyMotion.load(dance.file(MOTION)), at_s), places)
    return pose.motion().joints3d[0]


def write_pose(places: Mapping[str, Sequence[float]], folder: Path) -> Path:
    """A JSON of joints in space, as --pass-pose reads it, named by what is in it."""
    rounded = {name: [round(float(value), 4) for value in place] for name, place in sorted(places.items())}
    text = json.dumps({"joints": rounded})
    path = folder / f"pose-{sha256(text.encode()).hexdigest()[:10]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
