"""The dancer: a dark translucent body with glowing bones and edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.pose.skeleton import INDEX
from dancegen.renderers.skeleton.neon.body import HIPS, NECK, Body
from dancegen.renderers.skeleton.neon.palette import Palette
from dancegen.renderers.skeleton.neon.shapes import Patch, bone, melted, patch_around

SHOULDERS = [INDEX["r_shoulder"], INDEX["l_shoulder"]]
ARMS = {"right": (2, 3, 4), "left": (5, 6, 7)}
LEGS = {"right": (8, 9, 10), "left": (11, 12, 13)}

# Half thickness, as shares of the body's height.
NECK_R, SHOULDER_R, ELBOW_R, WRIST_R, HAND_R = 0.023, 0.030, 0.0215, 0.0155, 0.013
HIP_R, KNEE_R, ANKLE_R, TOE_R = 0.046, 0.031, 0.019, 0.011
WAIST_R, CHEST_R, PELVIS_R = 0.030, 0.044, 0.040
HEAD_R, CHIN_R, HEAD_HEIGHT = 0.046, 0.033, 0.064
HAND_LENGTH, FOOT_LENGTH = 0.062, 0.085

SPACED_FROM = 240  # pixels of body, from which its fields are worked out at every second pixel
RIM = 0.0085  # how far the light on an edge reaches into the body
CORE = 0.0105  # how far the light of a bone reaches
LIGHT_FROM = (-0.45, -0.9)  # unit vector to the lamp in the picture


@dataclass(frozen=True)
class Figure:
    """The drawn dancer on a patch of the frame: colour times coverage (3, h, w) and coverage (h, w), 0 to 1."""

    patch: Patch
    colour: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True)
class _Solid:
    """One part of the body: its field, the distance to its bones, and how far edge and surface have come up, 0 to 1."""

    patch: Patch
    field: np.ndarray
    core: np.ndarray
    own: np.ndarray
    root: np.ndarray | None = None


def draw_figure(body: Body, frame: int, palette: Palette, glow: float, size: tuple[int, int]) -> Figure | None:
    """The dancer of one frame, `glow` 0 to 1 brightening with the music. None where there is nothing to draw."""
    joints, presence, tall = body.joints[frame], body.presence[frame], body.stature
    corners = np.concatenate([joints[1:14], body.head[frame][None]])[np.append(presence[1:14] > 0.02, True)]
    patch = patch_around(corners, 0.12 * tall, size, step=2)
    if not patch or presence[1:14].max() <= 0.02:
        return None
    # Colours are kept as three planes: numpy is several times slower where the innermost axis is three long.
    figure = Figure(patch, np.zeros((3, *patch.shape), np.float32), np.zeros(patch.shape, np.float32))
    tints = {"right": palette.right, "left": palette.left}

    shown = float(presence[[NECK, *SHOULDERS, *HIPS]].min())
    torso = _torso(joints, body.head[frame], float(body.heading[frame]), tall, size)
    if torso is not None:
        _paint(figure, torso, _across(torso.patch, joints, palette, tall), shown, glow, tall)
    # Whichever ankle stands higher in the picture is further away: that side first.
    near = "right" if joints[LEGS["right"][2], 1] >= joints[LEGS["left"][2], 1] else "left"
    sides = ("left", "right") if near == "right" else ("right", "left")
    for side in sides:
        leg = _leg(joints[list(LEGS[side])], float(body.heading[frame]), side, tall, size)
        _paint(figure, leg, tints[side], float(presence[list(LEGS[side])].min()), glow, tall)
    for side in sides:
        arm = _arm(joints[list(ARMS[side])], tall, size)
        _paint(figure, arm, tints[side], float(presence[list(ARMS[side])].min()), glow, tall)
    return figure


def _patch(points: list[np.ndarray], margin: float, tall: float, size: tuple[int, int]) -> Patch:
    return patch_around(np.stack(points), margin * tall, size, spacing=2 if tall >= SPACED_FROM else 1)


def _arm(points: np.ndarray, tall: float, size: tuple[int, int]) -> _Solid | None:
    shoulder, elbow, wrist = points
    hand = wrist + _direction(wrist - elbow) * HAND_LENGTH * tall
    palm = wrist + (hand - wrist) * 0.5
    patch = _patch([shoulder, elbow, wrist, hand], SHOULDER_R + 0.02, tall, size)
    if not patch:
        return None
    upper, core1 = bone(patch, shoulder, elbow, SHOULDER_R * tall, ELBOW_R * tall, 0.004 * tall, 0.3)
    lower, core2 = bone(patch, elbow, wrist, ELBOW_R * tall, WRIST_R * tall, 0.0045 * tall, 0.6)
    fist, _ = bone(patch, palm - (palm - wrist) * 0.5, hand, HAND_R * tall, HAND_R * 0.7 * tall, 0.005 * tall, 0.3)
    field = melted(melted(upper, lower, 0.008 * tall), fist, 0.012 * tall)
    return _Solid(patch, field, np.minimum(core1, core2), *_away_from(patch, shoulder, elbow, SHOULDER_R * tall))


def _leg(points: np.ndarray, heading: float, side: str, tall: float, size: tuple[int, int]) -> _Solid | None:
    hip, knee, ankle = points
    toe, heel = _foot(knee, ankle, heading, side, tall)
    patch = _patch([hip, knee, ankle, toe, heel], HIP_R + 0.02, tall, size)
    if not patch:
        return None
    thigh, core1 = bone(patch, hip, knee, HIP_R * tall, KNEE_R * tall, 0.010 * tall, 0.45)
    calf, core2 = bone(patch, knee, ankle, KNEE_R * 0.95 * tall, ANKLE_R * tall, 0.009 * tall, 0.6)
    foot, _ = bone(patch, heel, toe, ANKLE_R * 0.8 * tall, TOE_R * tall, 0.004 * tall, 0.5)
    field = melted(melted(thigh, calf, 0.010 * tall), foot, 0.022 * tall)
    return _Solid(patch, field, np.minimum(core1, core2), *_away_from(patch, hip, knee, HIP_R * tall))


def _foot(knee, ankle, heading: float, side: str, tall: float) -> tuple[np.ndarray, np.ndarray]:
    """Toe and heel. Keypoints end at the ankle: the foot follows the shin, and points where the dancer faces."""
    shin = _direction(ankle - knee)
    outward = -0.3 if side == "right" else 0.3
    across = np.clip(heading * 0.95 + outward * (1 - abs(heading)), -1, 1)
    sideways = np.array([shin[1], -shin[0]])  # to the picture's right for a leg that stands
    toe = ankle + (sideways * across * FOOT_LENGTH + shin * (0.030 - 0.002 * abs(across))) * tall
    heel = ankle + (shin * 0.020 - sideways * across * 0.018) * tall
    return toe, heel


def _torso(joints: np.ndarray, head: np.ndarray, heading: float, tall: float, size: tuple[int, int]) -> _Solid | None:
    neck, (right, left), hips = joints[NECK], joints[SHOULDERS], joints[HIPS]
    middle = hips.mean(axis=0)
    up = _direction(head - neck)
    patch = _patch([neck, right, left, *hips, head + up * HEAD_HEIGHT * tall, head], 0.075, tall, size)
    if not patch:
        return None
    waist = middle + (neck - middle) * 0.38
    chest = middle + (neck - middle) * 0.78
    yoke, _ = bone(patch, right, left, SHOULDER_R * tall, SHOULDER_R * tall, 0.006 * tall)
    lap = middle + (neck - middle) * 0.14  # where the spine ends, so that it does not hang out between lifted legs
    spine, core = bone(patch, chest, lap, CHEST_R * tall, PELVIS_R * tall, -0.004 * tall)
    girdle, _ = bone(patch, hips[0] + (lap - hips[0]) * 0.2, hips[1] + (lap - hips[1]) * 0.2, *[PELVIS_R * tall] * 2)
    # Flanks run from under the shoulders past the waist into the hips: the hourglass of the outline.
    trunk = melted(spine, _flank(patch, right, hips[0], chest, waist, middle, tall), 0.03 * tall)
    trunk = melted(trunk, _flank(patch, left, hips[1], chest, waist, middle, tall), 0.03 * tall)
    throat, _ = bone(patch, neck, head, NECK_R * 1.15 * tall, NECK_R * 0.9 * tall)
    chin = head + (np.array([heading * 0.012, 0.0]) - up * 0.028) * tall
    skull, _ = bone(patch, head + up * 0.018 * tall, chin, HEAD_R * tall, CHIN_R * tall)
    trunk = melted(melted(trunk, yoke, 0.05 * tall), throat, 0.035 * tall)
    trunk = melted(trunk, girdle, 0.03 * tall)
    return _Solid(patch, melted(trunk, skull, 0.014 * tall), core, _above(patch, middle, neck, tall))


def _flank(patch: Patch, shoulder, hip, chest, waist, middle, tall: float) -> np.ndarray:
    inner = waist + (hip - middle) * 0.55
    upper, _ = bone(patch, shoulder + (chest - shoulder) * 0.35, inner, CHEST_R * 0.8 * tall, WAIST_R * tall)
    lower, _ = bone(patch, inner, hip + (middle - hip) * 0.1, WAIST_R * tall, HIP_R * tall)
    return melted(upper, lower, 0.03 * tall)


def _above(patch: Patch, middle, neck, tall: float) -> np.ndarray:
    """0 below the hips, 1 above: there the legs carry the outline on, and an edge would look like trunks."""
    up = _direction(neck - middle)
    rise = (patch.x - np.float32(middle[0])) * np.float32(up[0]) + (patch.y - np.float32(middle[1])) * np.float32(up[1])
    rise *= np.float32(1 / (0.06 * tall))
    rise += np.float32(0.75)
    return np.clip(rise, 0, 1, out=rise)


def _across(patch: Patch, joints: np.ndarray, palette: Palette, tall: float) -> np.ndarray:
    """The torso's tint, (3, h, w): from the right side's over the spine's to the left side's."""
    right, left = joints[SHOULDERS]
    axis = (left - right) / (0.22 * tall)
    centre = (joints[NECK] + joints[HIPS].mean(axis=0)) / 2
    steep = np.float32(1 / (0.24 * tall))
    side = (patch.x - np.float32(centre[0])) * (np.float32(axis[0]) * steep)
    side = side + (patch.y - np.float32(centre[1])) * (np.float32(axis[1]) * steep)
    np.clip(side * 2, -1, 1, out=side)
    rightward, leftward = np.maximum(-side, 0), np.maximum(side, 0)
    to_right, to_left = palette.right - palette.spine, palette.left - palette.spine
    return np.stack([rightward * to_right[c] + leftward * to_left[c] + palette.spine[c] for c in range(3)])


def _away_from(patch: Patch, root, joint, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """How far a limb's edge and surface have come up, 0 at its root: begun at once, they would draw a seam."""
    bone_x, bone_y = (joint - root) / max(float(np.hypot(*(joint - root))), radius) / radius
    rise = (patch.x - np.float32(root[0])) * np.float32(bone_x) + (patch.y - np.float32(root[1])) * np.float32(bone_y)
    return np.clip(rise * np.float32(0.6) + np.float32(0.35), 0, 1), np.clip(
        rise * np.float32(0.7) + np.float32(0.7), 0, 1
    )


def _paint(figure: Figure, solid: _Solid | None, tint: np.ndarray, shown: float, glow: float, tall: float) -> None:
    """Lay one part of the body over what is there already."""
    if solid is None or shown <= 0.02:
        return
    filled = solid.patch.filled
    # A round cross-section: height rises from the edge inwards, and its slope is what the lamp sees.
    depth = np.clip(solid.field * np.float32(-1 / (0.034 * tall)), 0, 1)
    height = np.sqrt(depth * (2 - depth))
    core = np.exp(solid.core * np.float32(-1 / (CORE * tall)))
    core *= depth
    body = _lit(height, tall / solid.patch.spacing) * np.float32(0.30 + 0.14 * glow) + np.float32(0.09)
    body += core * np.float32(0.20 + 0.35 * glow)
    body, white = filled(body), filled(core * np.float32(0.16 + 0.45 * glow))
    # Edges are sharp: they need every pixel.
    field = filled(solid.field)
    cover = np.clip(np.float32(0.5) - field, 0, 1)
    if solid.root is not None:
        cover *= filled(solid.root)
    rim = np.clip(1 - np.abs(field + np.float32(0.25 * RIM * tall)) * np.float32(1 / (RIM * tall)), 0, 1)
    rim *= rim
    rim *= filled(solid.own)
    body += rim * np.float32(0.75 + 0.35 * glow)
    white += rim * np.float32(0.30 + 0.25 * glow)
    tints = [filled(each) if each.ndim else each for each in tint]
    _over(figure, solid.patch, [body * each + white for each in tints], cover * np.float32(shown))


def _lit(height: np.ndarray, tall: float) -> np.ndarray:
    """Lambert's law on a height field, with light wrapped round so that no side is black. tall: in its points."""
    slope = np.full(height.shape, 0.45, np.float32)
    strength = np.float32(0.012 * tall)
    slope[:, 1:-1] -= (height[:, 2:] - height[:, :-2]) * (strength * np.float32(LIGHT_FROM[0]) * -1)
    slope[1:-1] -= (height[2:] - height[:-2]) * (strength * np.float32(LIGHT_FROM[1]) * -1)
    return np.clip(slope, 0, 1.4, out=slope)


def _over(figure: Figure, patch: Patch, colour: list[np.ndarray], cover: np.ndarray) -> None:
    """Composite planes of colour, each (h, w), where the patches overlap."""
    top, left = patch.top - figure.patch.top, patch.left - figure.patch.left
    rows = slice(max(top, 0), min(top + cover.shape[0], figure.cover.shape[0]))
    columns = slice(max(left, 0), min(left + cover.shape[1], figure.cover.shape[1]))
    inside = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    cover = cover[inside]
    rest = 1 - cover
    for channel in range(3):
        under = figure.colour[channel, rows, columns]
        under *= rest
        under += colour[channel][inside] * cover
    covered = figure.cover[rows, columns]
    covered *= rest
    covered += cover


def _direction(vector: np.ndarray) -> np.ndarray:
    length = float(np.hypot(*vector))
    return vector / length if length > 1e-6 else np.array([0.0, 1.0])
