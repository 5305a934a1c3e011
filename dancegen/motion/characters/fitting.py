"""A dance on a character's skeleton: limbs point where the dancer's do, and feet stand where they stand.

Every bone is first turned from the character's rest pose into the dancer's T, by the smallest rotation that points it
there, and then as the dancer turns it. So A and T poses, and bones with axes of any kind, are alike. Lengths stay the
character's. Steps are as long as its legs make them. As legs of other proportions end elsewhere, they are bent anew so
that each foot is as high above the floor as the dancer's, to scale, and slides no more than that does. What else would
be in the floor, or over it where the dancer rests on it, moves the whole body: see `floor`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.errors import MocapError, reading
from dancegen.motion.body import AT, TURNING, Body, BodyMotion
from dancegen.motion.characters import floor
from dancegen.motion.characters.character import Character
from dancegen.motion.characters.fitted import Fitted
from dancegen.motion.characters.floor import IN_THE_AIR
from dancegen.motion.leg_reach import STRAIGHT, moved_leg
from dancegen.motion.readers.joint_names import SIDES
from dancegen.motion.readers.person import torso_axes
from dancegen.motion.retarget import DOWN, LEFT, UP
from dancegen.motion.rotations import about, blended, frame, swing

HEEL = 0.25
"""Of the foot's length: how far the heel is behind the ankle."""
LOWERED_S = 0.12
"""Seconds before and after a step that is too wide for the legs in which the hips are lower for it."""
ROUNDS = 4
"""How often a body is raised at most: knees go elsewhere when hips do."""
ENOUGH = 0.001
"""Metres in the floor that nobody sees."""
_HAND_ASIDE = 0.5
"""Cosine between a hand and its forearm at rest under which what hangs on the hand is no finger."""
_TRUNK = ("pelvis", "spine1", "spine2", "spine3")


def fit(character: Character, dance: BodyMotion) -> Fitted:
    """The dance by a character, ahead of which is where it faces; its floor is where it stands.

    Raises MocapError for a character of measures that nobody can dance with.
    """
    with reading(character.path, "character that can dance", MocapError), np.errstate(all="ignore"):
        fitted = _fit(character, dance)
        if not (np.isfinite(fitted.turned).all() and np.isfinite(fitted.hips).all()):
            raise MocapError(f"{character.path}: its joints are at places that are no numbers")
        return fitted


def _fit(character: Character, dance: BodyMotion) -> Fitted:
    own = floor.heights_of(dance)
    raised = np.zeros(len(dance))
    fitted = _at_height(character, dance, raised)
    over = floor.hovering(own, floor.heights_of_character(fitted, dance), dance)
    if over.max() > ENOUGH:
        raised -= floor.gently(over, dance.fps)
        fitted = _at_height(character, dance, raised)
    for _ in range(ROUNDS):
        under = floor.missing(own, floor.heights_of_character(fitted, dance), dance)
        if under.max() <= ENOUGH:
            break
        raised += floor.gently(under, dance.fps)
        fitted = _at_height(character, dance, raised)
    return fitted


def _at_height(character: Character, dance: BodyMotion, raised: np.ndarray) -> Fitted:
    """The dance by a character whose hips are `raised` (T,), in the dancer's metres, and whose feet stand."""
    units = character.leg / _leg(dance.body)
    places = character.upright / units
    legs = _standing(character, places, units, dance, raised)
    turns = _turns(character, places, legs.orientations, unit(dance.body.offsets[AT["head"]]))
    turned = np.tile(np.eye(3), (len(dance), len(places), 1, 1))
    for joint, parent in enumerate(character.armature.parents):
        turned[:, joint] = turns[joint] if joint in turns else turned[:, parent] if parent >= 0 else np.eye(3)
    body, hips, axes = character.body, character.hips, character.axes
    centre = (places[body["l_hip"]] + places[body["r_hip"]]) / 2
    place = legs.root + turned[:, hips] @ (places[hips] - centre)
    return Fitted(
        character,
        axes.T @ turned @ axes @ character.turned,
        (place * units + np.array([0.0, character.floor, 0.0])) @ axes,
        tuple(sorted(turns)), dance.fps, units, legs,
    )  # fmt: skip


def _leg(body: Body) -> float:
    """Hip to ankle along the bones, the mean of both legs."""
    bones = body.offsets[[AT[f"{side}_{joint}"] for side in SIDES for joint in ("knee", "ankle")]]
    return float(np.linalg.norm(bones, axis=1).sum()) / 2


def _torso(character: Character, places: np.ndarray) -> np.ndarray:
    """(3, 3): left, up and ahead of the trunk at rest, as columns."""
    axes = torso_axes(places[None], character.body)
    assert axes is not None  # a character has been looked at
    forward, up = axes[0][0], axes[1][0]
    return frame(unit(np.cross(up, forward)), up)


def _turns(character: Character, places: np.ndarray, dancer: np.ndarray, nape: np.ndarray) -> dict[int, np.ndarray]:
    """(T, 3, 3) of each joint that is moved: from the rest pose into the room.

    dancer: (T, 24, 3, 3), of our joints. nape: (3,) unit vector, where the dancer's neck points at rest.
    """
    body, torso = character.body, _torso(character, places)
    of = {name: dancer[:, index].astype(np.float64) for name, index in AT.items()}
    found = {character.hips: of["pelvis"] @ torso.T}
    spine = character.between(character.hips, character.chest)
    for number, joint in enumerate(spine, 1):
        found[joint] = _part_way(of, number / len(spine)) @ torso.T
    if neck := character.neck:
        straight = swing(unit(places[body["head"]] - places[neck[0]]), nape)
        for number, joint in enumerate(neck, 1):
            found[joint] = blended(of["spine3"], of["neck"], number / len(neck)) @ straight
    found[body["head"]] = of["head"]
    for side, sign in (("l", 1.0), ("r", -1.0)):
        collar = character.between(character.chest, body[f"{side}_shoulder"])[:-1]
        if collar:
            found[collar[0]] = of[f"{side}_collar"] @ torso.T
        found |= _arm(character, places, of, side, sign * LEFT)
        found |= _leg_of(character, places, of, side)
    return found


def _part_way(of: dict[str, np.ndarray], share: float) -> np.ndarray:
    """(T, 3, 3): how the dancer's spine is turned so far on the way from the pelvis (0) to the chest (1)."""
    last = len(_TRUNK) - 1
    lower = min(int(share * last), last - 1)
    return blended(of[_TRUNK[lower]], of[_TRUNK[lower + 1]], share * last - lower)


def _arm(
    character: Character, places: np.ndarray, of: dict[str, np.ndarray], side: str, along: np.ndarray
) -> dict[int, np.ndarray]:
    body = character.body
    joints = [body[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")]
    ways = [places[joints[1]] - places[joints[0]], places[joints[2]] - places[joints[1]], character.tip(joints[2])]
    found, straight = {}, np.eye(3)
    for joint, way, name in zip(joints, ways, ("shoulder", "elbow", "wrist"), strict=True):
        if way is not None and (name != "wrist" or unit(straight @ way) @ along > _HAND_ASIDE):
            straight = swing(unit(straight @ way), along) @ straight
        found[joint] = of[f"{side}_{name}"] @ straight
    return found


def _leg_of(character: Character, places: np.ndarray, of: dict[str, np.ndarray], side: str) -> dict[int, np.ndarray]:
    body = character.body
    hip, knee, ankle = (body[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    upper = swing(unit(places[knee] - places[hip]), DOWN)
    lower = swing(unit(upper @ (places[ankle] - places[knee])), DOWN) @ upper
    return {
        hip: of[f"{side}_hip"] @ upper,
        knee: of[f"{side}_knee"] @ lower,
        ankle: of[f"{side}_ankle"] @ _ahead(character, side),
    }


def _ahead(character: Character, side: str) -> np.ndarray:
    """(3, 3): what turns a foot that stands flat at rest so that it points ahead."""
    way = character.tip(character.body[f"{side}_ankle"])
    return np.eye(3) if way is None else about(1, -np.arctan2(way[0], way[2]))


def _standing(
    character: Character, places: np.ndarray, units: float, dance: BodyMotion, raised: np.ndarray
) -> BodyMotion:  # fmt: skip
    """The dance by a body with the character's legs, in the dancer's metres, with its feet on the floor.

    raised: (T,) metres by which all is higher but feet that stand.
    """
    body = character.body
    legs = _body_with_legs(character, places, units, dance.body)
    ankles = {side: float(places[body[f"{side}_ankle"], 1]) for side in SIDES}
    higher = np.array([0.0, float(np.mean(list(ankles.values()))) - dance.body.floor_heights[0], 0.0])
    hips = dance.positions[:, [AT["l_hip"], AT["r_hip"]]].mean(axis=1)
    moved = BodyMotion(legs, hips + higher, dance.rotations, dance.fps, dance.start_s)
    aims, heights = {}, {}
    for side in SIDES:
        aims[side], heights[side] = _aim(dance, moved, side, ankles[side], higher)
    lower = _lowered(moved, aims, heights)
    moved = replace(moved, root=moved.root + (raised - lower)[:, None] * UP)
    rotations = moved.rotations.copy()
    for side, aim in aims.items():
        aim[:, 1] += raised * np.clip(heights[side] / IN_THE_AIR, 0, 1)
        at = [TURNING.index(AT[f"{side}_{joint}"]) for joint in ("hip", "knee", "ankle")]
        rotations[:, at] = moved_leg(moved, side, aim - moved.positions[:, AT[f"{side}_ankle"]])
    return replace(moved, rotations=rotations)


def _body_with_legs(character: Character, places: np.ndarray, units: float, dancer: Body) -> Body:
    """A body whose hips, legs and feet have the character's measures (J, 3), and the rest the dancer's."""
    body, torso = character.body, _torso(character, places)
    offsets = dancer.offsets.astype(np.float64).copy()
    centre = (places[body["l_hip"]] + places[body["r_hip"]]) / 2
    for side in SIDES:
        hip, knee, ankle = (places[body[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
        offsets[AT[f"{side}_hip"]] = torso.T @ (hip - centre)
        offsets[AT[f"{side}_knee"]] = DOWN * np.linalg.norm(knee - hip)
        offsets[AT[f"{side}_ankle"]] = DOWN * np.linalg.norm(ankle - knee)
        tip = character.tip(body[f"{side}_ankle"])
        if tip is not None:
            offsets[AT[f"{side}_toe"]] = _ahead(character, side) @ tip / units
    return Body(offsets, dancer.height_m)


def _aim(
    dance: BodyMotion, moved: BodyMotion, side: str, ankle: float, higher: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where an ankle should be (T, 3), and how high the sole (T,) is above the floor there, never below it.

    ankle: how high it is at rest.
    """
    joint, toe = AT[f"{side}_ankle"], AT[f"{side}_toe"]
    at, turned = dance.positions[:, joint], dance.orientations[:, joint]
    own = _lowest(at, turned, dance.body.offsets[toe], float(dance.body.floor_heights[0]))
    height = np.maximum(own, 0.0)
    aim = at + higher
    aim[:, 1] += height - _lowest(aim, turned, moved.body.offsets[toe], ankle)
    return aim, height


def _lowest(ankle: np.ndarray, turned: np.ndarray, toe: np.ndarray, rest: float) -> np.ndarray:
    """(T,) metres: the height of the lowest point of a sole, flat on the floor when the ankle (T, 3) is `rest` high."""
    sole = np.array([[toe[0], -rest, toe[2]], [-HEEL * toe[0], -rest, -HEEL * toe[2]]])
    return (ankle[:, None, 1] + np.einsum("ti,ki->tk", turned[:, 1], sole)).min(axis=1)


def _lowered(moved: BodyMotion, aims: dict[str, np.ndarray], heights: dict[str, np.ndarray]) -> np.ndarray:
    """(T,) metres by which the hips have to be lower, so that feet which stand are within reach."""
    from scipy.ndimage import maximum_filter1d

    needed = np.zeros(len(moved))
    for side, aim in aims.items():
        hip, ankle = (moved.positions[:, AT[f"{side}_{joint}"]] for joint in ("hip", "ankle"))
        longest = float(np.linalg.norm(moved.body.offsets[[AT[f"{side}_knee"], AT[f"{side}_ankle"]]], axis=1).sum())
        reach = np.maximum(STRAIGHT * longest, np.linalg.norm(hip - ankle, axis=1))
        across = np.linalg.norm((aim - hip)[:, [0, 2]], axis=1)
        above = (hip - aim)[:, 1] - np.sqrt(np.maximum(reach**2 - across**2, 0.0))
        needed = np.maximum(needed, above * np.clip(1 - heights[side] / IN_THE_AIR, 0, 1))
    around = max(1, round(LOWERED_S * moved.fps))
    return smooth(maximum_filter1d(needed, 2 * around + 1), around / 2)
