"""The mannequin's mesh: closed parts round the bones, each vertex bound to joints that move it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dancegen.motion.body import AT, MIRROR, NAMES, Body
from dancegen.motion.mannequin import Mannequin
from helpers.posed_body import BODY, posed

SMALL = Body.of(
    {"hips": 0.15, "shoulders": 0.2, "trunk": 0.3, "neck": 0.16, "thigh": 0.22, "shank": 0.2, "upper_arm": 0.15,
     "forearm": 0.13},
    1.0,
)  # fmt: skip
TALL = Body.of(
    {"hips": 0.18, "shoulders": 0.4, "trunk": 0.56, "neck": 0.2, "thigh": 0.5, "shank": 0.52, "upper_arm": 0.34,
     "forearm": 0.3},
    2.05,
)  # fmt: skip


def crooked() -> Body:
    """Left and right differ, and hands and feet end where SMPL has them."""
    offsets = BODY.offsets + np.random.default_rng(0).normal(0, 0.008, BODY.offsets.shape)
    offsets[[AT["l_hand"], AT["r_hand"]], 0] = 0.08, -0.085
    offsets[[AT["l_toe"], AT["r_toe"]]] = (0.03, -0.06, 0.12), (-0.03, -0.055, 0.13)
    return replace(BODY, offsets=offsets)


@pytest.fixture(params=[BODY, SMALL, TALL, crooked()], ids=["usual", "small", "tall", "crooked"])
def body(request):
    return request.param


@pytest.fixture
def mesh(body):
    return Mannequin.of(body)


def parts(mesh: Mannequin):
    """The faces of each part."""
    owner = mesh.part[mesh.faces]
    assert (owner == owner[:, :1]).all()
    return [mesh.faces[owner[:, 0] == number] for number in range(int(mesh.part.max()) + 1)]


def volume(mesh: Mannequin, faces: np.ndarray) -> float:
    a, b, c = (mesh.vertices[faces[:, corner]].astype(float) for corner in range(3))
    return float(np.einsum("fa,fa->", a, np.cross(b, c)) / 6)


def test_each_part_is_closed(mesh):
    for faces in parts(mesh):
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        forth, back = ({tuple(edge) for edge in each.tolist()} for each in (edges, edges[:, ::-1]))
        assert len(forth) == len(edges) and forth == back  # each edge once in either direction
        vertices = len(np.unique(faces))
        assert vertices - len(edges) // 2 + len(faces) == 2  # Euler: a ball


def test_faces_and_normals_look_outward(mesh):
    assert all(volume(mesh, faces) > 0 for faces in parts(mesh))
    a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(float) for corner in range(3))
    across = np.cross(b - a, c - a)
    assert (np.linalg.norm(across, axis=1) > 1e-10).all()  # no face without area
    for corner in range(3):
        along = (across * mesh.normals[mesh.faces[:, corner]]).sum(1) / np.linalg.norm(across, axis=1)
        assert along.min() > 0.05 and np.median(along) > 0.95
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_a_person_has_about_so_much_of_a_body(body, mesh):
    """Seventy litres in a body of 1.70 m, some of it counted twice where parts meet."""
    litres = 1000 * sum(volume(mesh, faces) for faces in parts(mesh)) / (body.height_m / 1.7) ** 3
    assert 50 < litres < 100


def test_every_vertex_is_moved_by_joints_that_are_near_it(body, mesh):
    assert mesh.joints.shape == mesh.weights.shape == (len(mesh.vertices), 4)
    assert mesh.joints.dtype == np.uint8 and mesh.joints.max() < len(NAMES)
    assert mesh.weights.min() >= 0 and np.allclose(mesh.weights.sum(1), 1, atol=1e-6)
    assert (np.diff(mesh.weights, axis=1) <= 0).all() and (mesh.joints[mesh.weights == 0] == 0).all()
    far = np.linalg.norm(mesh.vertices[:, None] - mesh.rest[mesh.joints], axis=2)
    assert far[mesh.weights > 0].max() < 0.33 * body.height_m
    used = {NAMES[joint] for joint in np.unique(mesh.joints[mesh.weights > 0])}
    assert used == set(NAMES) - {"l_toe", "r_toe", "l_hand", "r_hand"}


def test_it_stands_on_the_floor_as_tall_as_the_body(mesh, body):
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    assert abs(low[1]) < 0.01 * body.height_m
    if body is BODY:
        assert abs(high[1] - body.height_m) < 0.03 * body.height_m
    head = mesh.vertices[np.isin(mesh.joints[:, 0], [AT["head"]])]
    assert head[:, 2].max() - mesh.rest[AT["head"], 2] > mesh.rest[AT["head"], 2] - head[:, 2].min()  # the nose
    for side in "lr":  # hands and feet end a little behind the joints that end them
        for end, holder in (("hand", "wrist"), ("toe", "ankle")):
            way = mesh.rest[AT[f"{side}_{end}"]] - mesh.rest[AT[f"{side}_{holder}"]]
            length = np.linalg.norm(way)
            own = mesh.vertices[mesh.joints[:, 0] == AT[f"{side}_{holder}"]]
            reach = ((own - mesh.rest[AT[f"{side}_{holder}"]]) @ way / length).max()
            assert length - 0.02 * body.height_m < reach < length + 0.08 * body.height_m


@pytest.mark.parametrize("body", [BODY, SMALL, TALL], ids=["usual", "small", "tall"])
def test_left_and_right_are_alike(body):
    mesh = Mannequin.of(body)
    places = [mesh.vertices[mesh.part == number] for number in range(int(mesh.part.max()) + 1)]
    middles = np.array([place.mean(0) for place in places])
    dense = np.zeros((len(mesh.vertices), 24))
    np.add.at(dense, (np.arange(len(dense))[:, None], mesh.joints), mesh.weights)
    for number, middle in enumerate(middles):
        other = int(np.linalg.norm(middles - middle * (-1, 1, 1), axis=1).argmin())
        apart, partner = cKDTree(places[other]).query(places[number] * (-1, 1, 1))
        assert apart.max() < 1e-5 and sorted(partner) == list(range(len(places[number])))
        own, its = dense[mesh.part == number], dense[mesh.part == other]
        assert np.allclose(its[partner][:, list(MIRROR)], own, atol=1e-5)


def test_it_is_small_and_always_the_same(body, mesh):
    again = Mannequin.of(body)
    assert 2000 <= len(mesh.vertices) <= 6000
    assert all((getattr(mesh, name) == getattr(again, name)).all() for name in ("vertices", "faces", "weights"))


def test_at_rest_it_is_as_it_was_and_a_turned_room_turns_it(mesh):
    still = np.tile(np.eye(3), (24, 1, 1))
    vertices, normals = mesh.posed(mesh.rest, still)
    assert np.allclose(vertices, mesh.vertices, atol=1e-5) and np.allclose(normals, mesh.normals, atol=1e-5)
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    vertices, normals = mesh.posed(mesh.rest @ turn.T, np.tile(turn, (24, 1, 1)))
    assert np.allclose(vertices, mesh.vertices @ turn.T, atol=1e-5)
    assert np.allclose(normals, mesh.normals @ turn.T, atol=1e-5)


def test_limbs_stay_closed_when_they_bend():
    """Round a bent knee both tubes end in the same ball, and nothing of the arm stays behind."""
    mesh = Mannequin.of(BODY)
    pose = posed({"l_knee": (110, 0, 0), "l_elbow": (0, -120, 0), "spine1": (40, 0, 0)})
    vertices, _ = mesh.posed(pose.positions[0], pose.orientations[0])
    for joint, above in (("l_knee", "l_hip"), ("l_elbow", "l_shoulder")):
        centre = pose.positions[0, AT[joint]]
        radii = []
        for owner in (joint, above):
            own = vertices[(mesh.joints[:, 0] == AT[owner])]
            radii.append(np.linalg.norm(own - centre, axis=1).min())
        assert abs(radii[0] - radii[1]) < 0.004
    hand = vertices[mesh.joints[:, 0] == AT["l_wrist"]]
    assert np.linalg.norm(hand - pose.positions[0, AT["l_wrist"]], axis=1).max() < 0.2
