"""What the tests of train, generate-poses, render and dance share: the tiny GAN, and the command as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.tiny_gan import SETTINGS, lively, pose_dataset, takes, tiny_config, tiny_model, write_song

__all__ = [
    "SETTINGS", "lively", "pose_dataset", "run", "start", "takes", "tiny_config", "tiny_model", "write_song",
]  # fmt: skip

REPOSITORY = Path(__file__).resolve().parents[2]


def start(*arguments: object, **environment: str) -> subprocess.Popen:
    """`dancegen` with these arguments, started."""
    return subprocess.Popen(
        [sys.executable, "-m", "dancegen", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
    )


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """`dancegen` with these arguments, done."""
    process = start(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
