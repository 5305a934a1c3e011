"""What the tests of painted films share: a dance in the store, the tiny models, and the command on both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from dancegen.cli import main
from dancegen.context import Context
from dancegen.options.verbs import render_options
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import SILENT
from dancegen.stages.film import FilmJob, film_job
from dancegen.stages.film_recipes import model_inputs
from dancegen.stages.film_request import request_film
from dancegen.stages.film_segments import SegmentTask
from dancegen.store import Artifact, Recipe, Store, open_store
from dancegen.video import read_frames
from helpers.songs import write_song
from helpers.tiny_animatediff import flags, options, tiny_ip_adapter, tiny_lora, tiny_models, tiny_temporalnet
from helpers.tiny_gan import dancing, ticks

__all__ = [
    "FEW", "PROMPT", "QUICK", "dance", "elsewhere", "film", "flags", "options", "pictures", "shown", "stored",
    "tasks_of", "tiny_ip_adapter", "tiny_lora", "tiny_models", "tiny_temporalnet",
]  # fmt: skip

PROMPT = "a dancer in a ballroom"

QUICK = {"size": "64x64", "fps": 20, "steps": 5, "segment": 24, "overlap": 6, "guidance": 3, "device": "cpu"}
"""What makes a film of the tiny models a matter of seconds: 6 seconds of dance have three segments."""

FEW = {"key_fps": 2, "steps": 2}
"""A film with so few painted frames that it takes a second."""


def dance(store: Store, seconds: float = 6.0, cut: int | None = None, *, in_space: bool = False) -> Artifact:
    """A generate-poses artifact of someone who dances to a song with a beat every half second.

    cut: the frame, of twenty a second, from which the camera sees the dancer from the side. in_space: whether the
    joints in space are known without a cut, too.
    """
    cut = round(seconds * 20) if in_space and cut is None else cut
    sequence = seen_by_a_moving_camera(dancing(round(seconds * 20), 20.0), cut)
    return stored(store, sequence, seconds=seconds, cut=cut or 0)


def stored(store: Store, sequence: PoseSequence, **params: object) -> Artifact:
    """A generate-poses artifact of a dance to a song with a beat every half second. params: its recipe's."""

    def build(directory: Path) -> dict:
        sequence.save(directory / "poses.npz")
        ticks(sequence.seconds).save(directory / "beats.json")
        write_song(directory / "audio.wav", sequence.seconds)
        (directory / "audio.wav").rename(directory / "audio.flac")  # a decoder looks at what is in it
        return {"fps": sequence.fps, "frames": len(sequence)}

    return store.obtain(Recipe("generate-poses", 3, params), build)


def elsewhere(poses: Artifact, root: Path) -> Store:
    """A store that holds the dance and nothing else."""
    other = open_store(root)
    shutil.copytree(poses.path, other.root / "generate-poses" / poses.path.name)
    return other


def seen_by_a_moving_camera(keypoints: np.ndarray, cut: int | None) -> PoseSequence:
    """(T, 18, 3) keypoints of a dance as seen from the front, from a frame on from the side."""
    if cut is None:
        return PoseSequence(keypoints, 20.0)
    depth = np.random.default_rng(0).uniform(-60, 60, keypoints.shape[1])
    joints = np.stack(
        [keypoints[..., 0] - 256, 512 - keypoints[..., 1], np.broadcast_to(depth, keypoints.shape[:2])], -1
    )
    side = keypoints.copy()
    side[cut:, :, 0] = joints[cut:, :, 2] + 256
    return PoseSequence(side, 20.0, joints3d=(joints / 300).astype(np.float32))


def film(store: Store, poses: Artifact, prompt: str, capfd, **choices) -> dict:
    """`dancegen render --prompt` in this process: the JSON that it prints."""
    words = flags({**QUICK, **choices})
    capfd.readouterr()
    code = main(["render", poses.digest[:16], "--prompt", prompt, "--json", "--store", str(store.root), *words])
    out, err = capfd.readouterr()
    assert code == 0, err
    return json.loads(out) | {"said": err}


def shown(store: Store, made: dict) -> np.ndarray:
    """(T, H, W, 3) float: the frames of a film."""
    return np.stack(list(read_frames(store.find(made["digest"]).file("video.mp4")))).astype(float)


def pictures(path: Path) -> np.ndarray:
    """(T, H, W, 3) uint8 of a folder of PNG files, in order."""
    import cv2

    return np.stack([cv2.imread(str(file))[..., ::-1] for file in sorted(path.glob("*.png"))])


def tasks_of(poses: Artifact, **choices) -> tuple[FilmJob, list[SegmentTask]]:
    """A film that is asked for, and its segments."""
    given = {**QUICK, **FEW, "prompt": PROMPT, **choices}
    given.pop("device")
    job = film_job(request_film(render_options()(**given)), Context(open_store(poses.path.parents[1])), poses)
    return job, job.tasks(job.request.models, model_inputs(job.request.models, SILENT), "24")
