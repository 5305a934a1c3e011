"""Batches drawn ahead in worker processes are the batches that would have been drawn here."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import closing
from itertools import count, islice

import numpy as np
import torch

from dancegen.choreographers.diffusion.data import Windows
from dancegen.choreographers.diffusion.trainer import draw_batch
from dancegen.choreographers.gan.data import ClipDataset
from dancegen.choreographers.training.loading import stream
from helpers.tiny_diffusion import CONFIG, clips
from helpers.tiny_gan import takes, tiny_config

ELSEWHERE = "mps"
"""Any device but the CPU has its batches drawn in workers; none of them is touched here."""


def whose(step: int) -> int:
    return os.getpid()


def test_workers_draw_for_a_device_and_go_when_the_training_ends():
    others = set(multiprocessing.active_children())  # joblib keeps those of an earlier test
    with closing(stream(whose, count(), ELSEWHERE)) as drawn:
        assert os.getpid() not in set(islice(drawn, 6))
        workers = set(multiprocessing.active_children()) - others
        assert workers
        for worker in workers:
            os.kill(worker.pid, signal.SIGINT)  # Ctrl-C reaches them too: it is not theirs to obey
        assert os.getpid() not in set(islice(drawn, 6))
    assert not workers & set(multiprocessing.active_children())
    assert set(islice(stream(whose, count(), "cpu"), 3)) == {os.getpid()}


def test_both_families_batches_come_from_workers_as_they_are_drawn_here():
    config = tiny_config()
    data, keys = ClipDataset(takes(4, config), config, seed=3), [(0, [2, 0]), (1, [1, 3]), (1, [0, 2])]
    for here, there in zip(map(data.draw, keys), stream(data.draw, iter(keys), ELSEWHERE), strict=True):
        assert all(torch.equal(here[name], there[name]) for name in here)
    windows = Windows(clips(), ["stepping"], CONFIG)
    normalizer = windows.normalizer(0)

    def draw(step):
        return draw_batch(windows, 4, normalizer, 3, 0, step)

    for here, there in zip(map(draw, range(3)), stream(draw, range(3), ELSEWHERE), strict=True):
        assert torch.equal(here.features, there.features) and torch.equal(here.song, there.song)
        assert np.array_equal(here.conditioning.style, there.conditioning.style)
