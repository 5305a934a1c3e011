"""Every format that dancegen reads: a small whole file of it, how it is damaged, and how a command reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import numpy as np

from helpers import mutations


@dataclass(frozen=True)
class Format:
    """make: writes whole files into a folder, the first of which is the one that a command is given. damage: by the
    ending of a file's name, what breaks it; one file is broken in each case. read: what the command's reader does.
    commands: command lines that read it, `{file}` the one and `{folder}` where it lies.
    """

    make: Callable[[Path], list[Path]]
    damage: dict[str, Callable[[bytes, Random], bytes]]
    read: Callable[[Path], object]
    commands: tuple[str, ...] = ()

    def broken(self, files: dict[str, bytes], random: Random) -> dict[str, bytes]:
        """The files with one of them damaged."""
        name = random.choice([each for each in files if Path(each).suffix in self.damage])
        return files | {name: self.damage[Path(name).suffix](files[name], random)}


# Motion capture

CMU = {
    "lhipjoint": ("root", (1, -1, 0)), "lfemur": ("lhipjoint", (0, -1, 0)), "ltibia": ("lfemur", (0, -1, 0)),
    "lfoot": ("ltibia", (0, 0, 1)), "ltoes": ("lfoot", (0, 0, 1)), "rhipjoint": ("root", (-1, -1, 0)),
    "rfemur": ("rhipjoint", (0, -1, 0)), "rtibia": ("rfemur", (0, -1, 0)), "rfoot": ("rtibia", (0, 0, 1)),
    "rtoes": ("rfoot", (0, 0, 1)), "lowerback": ("root", (0, 1, 0)), "upperback": ("lowerback", (0, 1, 0)),
    "thorax": ("upperback", (0, 1, 0)), "lowerneck": ("thorax", (0, 1, 0)), "upperneck": ("lowerneck", (0, 1, 0)),
    "head": ("upperneck", (0, 1, 0)), "lclavicle": ("thorax", (1, 0, 0)), "lhumerus": ("lclavicle", (1, 0, 0)),
    "lradius": ("lhumerus", (1, 0, 0)), "lwrist": ("lradius", (1, 0, 0)), "lhand": ("lwrist", (1, 0, 0)),
    "rclavicle": ("thorax", (-1, 0, 0)), "rhumerus": ("rclavicle", (-1, 0, 0)), "rradius": ("rhumerus", (-1, 0, 0)),
    "rwrist": ("rradius", (-1, 0, 0)), "rhand": ("rwrist", (-1, 0, 0)),
}  # fmt: skip
"""CMU's bones: whose parent each has, and where it points."""
FRAMES = 45
LENGTHS = {"femur": 7.0, "tibia": 7.0, "humerus": 5.0, "radius": 4.0}


def make_bvh(place: Path) -> list[Path]:
    from helpers.stick_figure import MIXAMO, write_bvh

    swing = 40 * np.sin(np.arange(FRAMES) / 4)[:, None] * np.array([1.0, 0.5, 0.2])
    turns = {"l_shoulder": swing, "r_hip": -swing, "l_knee": swing}
    return [write_bvh(place / "take.bvh", MIXAMO, turns, frames=FRAMES)]


def make_asf(place: Path) -> list[Path]:
    bones = [
        f"begin\n id {number}\n name {name}\n direction {x} {y} {z}\n length "
        f"{next((long for part, long in LENGTHS.items() if part in name), 1.5)}\n axis 0 0 0 XYZ\n dof rx ry rz\n end"
        for number, (name, (_, (x, y, z))) in enumerate(CMU.items(), 1)
    ]
    tree = "\n".join(f"{parent} {name}" for name, (parent, _) in CMU.items())
    (place / "01.asf").write_text(
        ":version 1.10\n:name VICON\n:units\n mass 1.0\n length 0.45\n angle deg\n:root\n order TX TY TZ RX RY RZ\n"
        " axis XYZ\n position 0 0 0\n orientation 0 0 0\n:bonedata\n" + "\n".join(bones)
        + f"\n:hierarchy\n begin\n{tree}\n end\n"
    )  # fmt: skip
    frames = []
    for frame in range(1, FRAMES + 1):
        turns = "\n".join(f"{name} {20 * np.sin(frame / 4):.3f} 0 {5 * np.cos(frame / 4):.3f}" for name in CMU)
        frames.append(f"{frame}\nroot {frame / 10:.2f} 17 0 0 {frame} 0\n{turns}")
    (place / "01_01.amc").write_text(":FULLY-SPECIFIED\n:DEGREES\n" + "\n".join(frames) + "\n")
    return [place / "01_01.amc", place / "01.asf"]


def make_tang(place: Path) -> list[Path]:
    from helpers.tang_folder import write_tang

    return write_tang(place, frames=60)


def read_folder(path: Path) -> object:
    return read_take(path.parent)


def read_take(path: Path) -> object:
    from dancegen.motion.readers.registry import find_takes

    return find_takes(path)[0].read()


# Characters


def make_glb(place: Path) -> list[Path]:
    from dancegen.motion.export.glb import write_vrma
    from helpers.posed_body import posed

    write_vrma(posed({}, 3), place / "hero.glb", {})
    return [place / "hero.glb"]


def make_motion_and(make: Callable[[Path], list[Path]], place: Path) -> list[Path]:
    """A character, and a dance for it beside."""
    from helpers.posed_body import posed

    found = make(place)
    posed({"l_shoulder": (0, 0, 60)}, 5).save(place / "motion.npz")
    return [*found, place / "motion.npz"]


def dance_by_glb(path: Path) -> object:
    from dancegen.motion.characters.fitting import fit
    from dancegen.motion.characters.glb import read_glb_character, write_glb_character
    from helpers.posed_body import posed

    found = read_glb_character(path, {})
    fitted = fit(found.character, posed({"l_knee": (40, 0, 0)}, 5))
    write_glb_character(found, fitted, path.with_name("out.glb"), {})
    return read_glb_character(path.with_name("out.glb"), {})


def dance_by_bvh(path: Path) -> object:
    from dancegen.motion.characters.bvh import write_bvh_character
    from dancegen.motion.characters.character import read_bvh_character
    from dancegen.motion.characters.fitting import fit
    from helpers.posed_body import posed

    fitted = fit(read_bvh_character(path, {}), posed({"l_knee": (40, 0, 0)}, 5))
    write_bvh_character(fitted, path.with_name("out.bvh"))
    return fitted


# Dances as keypoints

SECOND = 12
"""Frames of a small dance at the rate that its command is told."""


def make_keypoints2d(place: Path) -> list[Path]:
    from helpers.aistpp import coco, parameters, seen, write_2d

    path = write_2d(place, "take", seen(coco(parameters(SECOND / 60))))
    return [path.replace(place / "take.pkl"), *make_song("take.wav", place)]


def make_keypoints3d(place: Path) -> list[Path]:
    from helpers.aistpp import coco, parameters, write_pickle

    return [write_pickle(place / "take.pkl", {"keypoints3d": coco(parameters(0.5))})]


def make_smpl(place: Path) -> list[Path]:
    from helpers.aistpp import parameters, write_pickle

    found = parameters(0.5)
    kept = {"smpl_poses": found.poses.reshape(-1, 72), "smpl_trans": found.trans, "smpl_scaling": np.array([1])}
    return [write_pickle(place / "take.pkl", kept)]


def make_cameras(place: Path) -> list[Path]:
    from helpers.aistpp import write_cameras

    write_cameras(place, ["take"])
    return [place / "cameras" / "setting1.json"]


def make_openpose_folder(place: Path) -> list[Path]:
    from helpers.pose_examples import dancing

    files = []
    for number, pose in enumerate(dancing(SECOND)):
        people = [{"pose_keypoints_2d": pose.ravel().tolist()}] if number != 3 else []
        files.append(place / f"take_{number:012d}_keypoints.json")
        files[-1].write_text(json.dumps({"version": 1.3, "people": people}))
    return [*files, *make_song("take.wav", place)]


def read_seen(path: Path) -> object:
    """A dance as cameras saw it, and what prepare makes of it: a folder of frames, where the file is one of them."""
    from dancegen.motion.readers.protocol import Hints
    from dancegen.motion.readers.registry import find_takes
    from dancegen.pose.flat_dance import FlatDance

    folder = path.name.endswith("_keypoints.json")
    dance = find_takes(path.parent if folder else path)[0].recording(Hints(fps=float(SECOND)))
    assert isinstance(dance, FlatDance)
    return dance.span(0.1, 8, 10.0)


def read_calibration(path: Path) -> object:
    from dancegen.motion.readers.aist_cameras import read_cameras

    return [camera.pixels(np.ones((5, 3))) for camera in read_cameras(path)]


# Songs


def make_song(name: str, place: Path) -> list[Path]:
    import soundfile

    rate = 22_050
    time = np.arange(int(1.6 * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * 220 * time) * (np.exp(-8 * (time % 0.4)))
    soundfile.write(place / name, np.stack([sound, 0.8 * sound], 1), rate)
    return [place / name]


def make_m4a(place: Path) -> list[Path]:
    import av

    with av.open(str(place / "song.m4a"), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=22_050, layout="mono")
        for block in range(40):
            time = (np.arange(1024) + 1024 * block) / 22_050
            frame = av.AudioFrame.from_ndarray(
                (0.3 * np.sin(1400 * time)).astype(np.float32)[None], format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 22_050, 1024 * block
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return [place / "song.m4a"]


def read_song(path: Path) -> object:
    from dancegen.audio.load import decode, probe

    return sum(len(block) for block in decode(probe(path)))


# Poses, motion and figures


def dancer(frames: int = 6):
    from dancegen.pose.sequence import PoseSequence
    from helpers.pose_examples import dancing

    random = np.random.default_rng(0)
    hands, face = random.uniform(5, 400, (frames, 2, 21, 3)), random.uniform(5, 400, (frames, 70, 3))
    hands[..., 2] = face[..., 2] = 0.5
    return PoseSequence(dancing(frames), 30.0, (512, 512), 0.5, np.ones((frames, 18, 3)), hands, face)


def make_openpose(place: Path) -> list[Path]:
    from dancegen.pose.openpose_json import write_openpose_json

    write_openpose_json(dancer(4), place / "openpose.json")
    return [place / "openpose.json"]


def make_poses(place: Path) -> list[Path]:
    dancer().save(place / "poses.npz")
    return [place / "poses.npz"]


def make_motion(place: Path) -> list[Path]:
    from dancegen.assets import asset
    from dancegen.choreographers.diffusion.model import load_model
    from dancegen.dataset.format import ClipMotion
    from dancegen.motion.motion import Rotations
    from helpers.tiny_diffusion import stepping

    # The bundled model's body, so that it can be given its own motion to start from.
    body = replace(stepping(1.0), body=load_model(asset("models/diffusion")).body)
    motion = body.motion("take")
    turned = Rotations(body.body.offsets, body.root, body.rotations)
    motion = replace(motion, rotations=turned)
    knots = np.arange(3.0)
    ClipMotion(motion, knots, knots, np.ones(3), np.array([0.5])).save(place / "motion.npz")
    return [place / "motion.npz"]


def read_motion(path: Path) -> object:
    from dancegen.dataset.format import ClipMotion
    from dancegen.motion.body import BodyMotion

    clip = ClipMotion.load(path)
    clip.motion.resample(20.0)
    if clip.motion.rotations is not None:
        BodyMotion.load(path).resample(20.0)
    return clip


def make_features(place: Path) -> list[Path]:
    from dancegen.audio.beats import Beats
    from dancegen.audio.features import N_MELS
    from dancegen.audio.song import SongFeatures

    beats = Beats(np.arange(0.1, 2.0, 0.5), 120.0, np.ones(4, np.float32))
    features = SongFeatures(np.full((180, N_MELS), -2, np.float32), np.ones(180, np.float32), beats, 2.0, 0.0)
    features.save(place / "features.npz")
    features.beats.save(place / "beats.json")
    return [place / "features.npz", place / "beats.json"]


def read_features(path: Path) -> object:
    from dancegen.audio.song import SongFeatures

    return SongFeatures.load(path, path.parent / "beats.json")


def make_reference(place: Path) -> list[Path]:
    from dancegen.metrics.dance import Windows
    from dancegen.metrics.features import GEOMETRIC, KINETIC, FeatureStatistics
    from dancegen.metrics.reference import REAL, Reference
    from dancegen.metrics.repetition import Repertoire

    random = np.random.default_rng(0)
    windows = Windows(random.normal(size=(4, KINETIC)), random.normal(size=(4, GEOMETRIC)))
    kinetic, geometric = (
        FeatureStatistics(values.mean(0), np.cov(values.T), len(values))
        for values in (windows.kinetic, windows.geometric)
    )
    repertoire = Repertoire.of([random.normal(size=(60, 13, 2))])
    Reference(kinetic, geometric, windows, repertoire, {REAL: {"speed_median": 0.2}}, {}).save(place / "reference.npz")
    return [place / "reference.npz"]


def make_clips(place: Path) -> list[Path]:
    from dancegen.dataset.format import Clip, write_clips

    clips = [
        Clip(f"c{n}", "0" * 64, 1.5, 8.0, 30.0, "train", "salsa", "CMU", f"take{n}", "a.wav", 2.5, "60")
        for n in range(4)
    ]
    return [write_clips(place, clips)]


def make_model(family: str, place: Path) -> list[Path]:
    if family == "gan":
        from helpers.tiny_gan import tiny_model

        tiny_model(place)
    else:
        from helpers.tiny_diffusion import saved_model

        saved_model(place)
    return [place / "model.safetensors", place / "config.json"]


def read_model(path: Path) -> object:
    from dancegen.choreographers import load_choreographer

    return load_choreographer(path.parent, "cpu")


# Videos and pictures


def make_video(place: Path) -> list[Path]:
    from dancegen.video import VideoWriter

    (song,) = make_song("song.wav", place)
    with VideoWriter(place / "film.mp4", (64, 48), 25, audio=song, metadata={"digest": "0" * 64, "seed": "7"}) as video:
        for number in range(12):
            video.write(np.full((48, 64, 3), 20 * number, np.uint8))
    song.unlink()
    return [place / "film.mp4"]


def read_video(path: Path) -> object:
    from dancegen.stages.evaluation_inputs import VIDEO_KIND, EvaluationInput
    from dancegen.stages.evaluation_video import EvaluationVideo, watch
    from dancegen.video import probe_video

    subject = EvaluationInput(path.name, VIDEO_KIND, path)
    return watch(EvaluationVideo(subject.name, path, probe_video(path), None, None, ()))


def make_picture(name: str, place: Path) -> list[Path]:
    from PIL import Image

    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(place / name)
    return [place / name]


def read_picture(path: Path) -> object:
    from dancegen.renderers.film.portrait import load_portrait

    return load_portrait(path)


def load_poses(path: Path) -> object:
    from dancegen.pose.sequence import PoseSequence

    return PoseSequence.load(path)


def load_beats(path: Path) -> object:
    from dancegen.audio.beats import Beats

    return Beats.load(path)


def load_reference(path: Path) -> object:
    from dancegen.metrics.reference import Reference

    return Reference.load(path)


def read_openpose(path: Path) -> object:
    from dancegen.pose.openpose_json import read_openpose_json

    return read_openpose_json(path)


def read_clip_list(path: Path) -> object:
    from dancegen.dataset.format import read_clips

    return read_clips(path.parent)


TEXT, BYTES, NPZ = mutations.damaged_text, mutations.damaged_bytes, mutations.damaged_npz
GLB = mutations.damaged_glb
MODEL = {".safetensors": mutations.damaged_safetensors, ".json": TEXT}
PREPARE = "prepare {file} --music demo --source-fps 30 --clip-seconds 1 --workers 1"
PREPARE_SEEN = f"prepare {{}} --source-fps {SECOND} --clip-seconds 1 --workers 1"
DANCE, POSES = "generate-poses {file} --model gan", ("evaluate {file}", "render {file} --music none")
START, REAL = "generate-poses demo --seconds 2 --start-pose {file}", "evaluate gan --seconds 1 --reference {file}"
WITH_MODEL = "generate-poses demo --seconds 1 --model {folder}"
SONGS = {
    kind: Format(partial(make_song, f"song.{kind}"), {f".{kind}": BYTES}, read_song, (DANCE,))
    for kind in ("wav", "flac", "ogg", "mp3")
}
FORMATS = SONGS | {
    "m4a": Format(make_m4a, {".m4a": BYTES}, read_song, (DANCE,)),
    "bvh": Format(make_bvh, {".bvh": TEXT}, read_take, (PREPARE,)),
    "glb": Format(
        partial(make_motion_and, make_glb),
        {".glb": GLB},
        dance_by_glb,
        ("export {folder}/motion.npz --retarget {file} -o {folder}/out.glb",),
    ),
    "bvh character": Format(partial(make_motion_and, make_bvh), {".bvh": TEXT}, dance_by_bvh),
    "tang": Format(make_tang, {".json": TEXT}, read_folder, ("prepare {folder} --clip-seconds 1 --workers 1",)),
    "asf": Format(make_asf, {".asf": TEXT, ".amc": TEXT}, read_take, (PREPARE,)),
    "keypoints2d": Format(make_keypoints2d, {".pkl": BYTES}, read_seen, (PREPARE_SEEN.format("{file}"),)),
    "keypoints3d": Format(make_keypoints3d, {".pkl": BYTES}, read_take),
    "smpl": Format(make_smpl, {".pkl": BYTES}, read_take),
    "cameras": Format(make_cameras, {".json": TEXT}, read_calibration),
    "openpose folder": Format(make_openpose_folder, {".json": TEXT}, read_seen, (PREPARE_SEEN.format("{folder}"),)),
    "openpose": Format(make_openpose, {".json": TEXT}, read_openpose, POSES),
    "poses": Format(make_poses, {".npz": NPZ}, load_poses, POSES),
    "motion": Format(make_motion, {".npz": NPZ}, read_motion, (START,)),
    "features": Format(make_features, {".npz": NPZ, ".json": TEXT}, read_features),
    "beats": Format(lambda place: make_features(place)[1:], {".json": TEXT}, load_beats),
    "reference": Format(make_reference, {".npz": NPZ}, load_reference, (REAL,)),
    "clips": Format(make_clips, {".jsonl": TEXT}, read_clip_list),
    "gan": Format(partial(make_model, "gan"), MODEL, read_model, (WITH_MODEL,)),
    "diffusion": Format(partial(make_model, "diffusion"), MODEL, read_model, (WITH_MODEL,)),
    "mp4": Format(make_video, {".mp4": BYTES}, read_video, ("artifacts show {file}", "evaluate {file}")),
    "png": Format(partial(make_picture, "face.png"), {".png": mutations.damaged_png}, read_picture),
    "jpeg": Format(partial(make_picture, "face.jpg"), {".jpg": BYTES}, read_picture),
    "webp": Format(partial(make_picture, "face.webp"), {".webp": BYTES}, read_picture),
}
"""By name."""
