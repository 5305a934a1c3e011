"""Run in each of two processes: train a whole run, and one that Ctrl-C breaks off in one process alone; leave a record.

Arguments: the family, and the folder for `whole/`, `broken/` and `process-0.pt`, `process-1.pt`.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from dancegen.choreographers.diffusion.trainer import DiffusionTrainer
from dancegen.choreographers.gan.data import choose_starts
from dancegen.choreographers.gan.trainer import GanTrainer
from dancegen.choreographers.training.processes import join
from dancegen.progress import Silent
from helpers.tiny_diffusion import BODY, CONFIG, clips
from helpers.tiny_gan import takes, tiny_config

PROCESSES = join("cpu", "fp32")


class BreakOff(Silent):
    """Raises SIGINT after the third step."""

    def __init__(self):
        self.steps = 0

    @contextmanager
    def task(self, label, total=None):
        def advance(amount=1.0):
            self.steps += label.startswith("training")
            if self.steps == 3:
                signal.raise_signal(signal.SIGINT)

        yield advance


def gan(folder: Path, progress=None) -> GanTrainer:
    config = tiny_config(
        "train.steps=5", "train.validate_every=2", "train.own_output_ramp=0", "train.batch=4", "generator.norm=batch"
    )
    clips = takes(7, config)
    return GanTrainer(
        config, clips, takes(2, config), choose_starts(clips, config, 0), folder, processes=PROCESSES,
        progress=progress or Silent(),
    )  # fmt: skip


def diffusion(folder: Path, progress=None) -> DiffusionTrainer:
    config = replace(CONFIG, train=replace(CONFIG.train, steps=5, batch=5, precision="fp32"))
    return DiffusionTrainer(config, clips(), clips(1), BODY, folder, processes=PROCESSES, progress=progress or Silent())


def networks(trainer) -> dict[str, dict[str, torch.Tensor]]:
    names = [name for name in ("generator", "discriminator", "beat_critic", "denoiser") if hasattr(trainer, name)]
    return {name: getattr(trainer, name).state_dict() for name in names}


def main(family: str, folder: Path) -> None:
    make = {"gan": gan, "diffusion": diffusion}[family]
    whole = make(folder / "whole")
    heard, original = [], whole.step
    whole.step = lambda batch: (heard.append(batch), original(batch))[1]
    figures = whole.run()
    try:
        make(folder / "broken", BreakOff() if PROCESSES.index == 1 else None).run()
    except KeyboardInterrupt:
        stopped = True
    else:
        stopped = False
    again = make(folder / "broken")
    began = again.budget.step
    again.run()
    batches = [batch["mel"] if family == "gan" else batch.features for batch in heard]
    clips = [whole._clips(step) for step in range(5)] if family == "gan" else []
    record = {
        "batches": batches, "clips": clips, "whole": networks(whole), "again": networks(again), "figures": figures,
        "stopped": stopped, "began": began,
    }  # fmt: skip
    torch.save(record, folder / f"process-{PROCESSES.index}.pt")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
