"""The trainer that every family's is: the loop, the average of weights, the best model, the checkpoint, the stopping.

A family says what a batch is, what a step learns from it, and how well the averaged network dances on its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from dancegen.choreographers.training.diagnostics import Sign, Watch
from dancegen.choreographers.training.guarded_step import GuardedStep, advice
from dancegen.choreographers.training.logging import TrainingLog, mean_losses
from dancegen.choreographers.training.memory_estimate import MemoryEstimate
from dancegen.choreographers.training.processes import ALONE, Processes, autocast, settled
from dancegen.choreographers.training.stopping import Budget, Pace, interrupt_deferred
from dancegen.errors import Cancelled, ModelError
from dancegen.files import load_checkpoint
from dancegen.progress import SILENT, Progress

Batch = TypeVar("Batch")
Dancer = TypeVar("Dancer")
Figures = TypeVar("Figures")

CHECKPOINT = "checkpoint.pt"
ECHO_S = 5.0
"""For how long after a Ctrl-C another one may be the same one, handed on by the launcher."""


class Trainer(ABC, Generic[Batch, Dancer, Figures]):
    """Trains one network in `folder`, which holds all that a killed run needs to continue: `checkpoint.pt`, `best/`,
    `last/`, `history.csv`, `samples/` and TensorBoard's events.

    network: the one that dances, of whose weights an exponential moving average is kept. others: what learns beside it
    and is saved with it. critics: what only judges it. optimisers: by name; their state is in the checkpoint.
    epoch_steps: how many steps show every clip once. A subclass builds its networks, calls this constructor, and then
    `start`.
    """

    FIGURES: ClassVar[type]
    """A dataclass of what validation measures, with a `score`: the lower the better."""
    LOSSES: ClassVar[tuple[str, ...]]
    """The names of the terms that a step returns."""

    def __init__(
        self,
        config: Any,
        folder: Path,
        network: nn.Module,
        *,
        others: Mapping[str, nn.Module] | None = None,
        critics: Mapping[str, nn.Module] | None = None,
        optimisers: Mapping[str, torch.optim.Optimizer],
        epoch_steps: float,
        seed: int = 0,
        processes: Processes = ALONE,
        wandb: str | None = None,
        progress: Progress = SILENT,
    ):
        t = config.train
        self.config, self.folder, self.seed = config, folder, seed
        self.processes, self.device, self.progress = processes, processes.device, progress
        self.network, self.others, self.critics = network, dict(others or {}), dict(critics or {})
        self.optimisers = dict(optimisers)
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.trained_before = False
        """Whether the first weights are worth keeping in the average."""
        self.budget = Budget(t, epoch_steps, processes)
        self.log = TrainingLog(folder, wandb=wandb, settings=config.to_dict(), progress=progress)
        self.watch = Watch()
        self.best, self.kept = float("inf"), None
        self.recent: list[dict[str, float]] = []
        hints = advice(t.learning_rate, settled(t.precision, self.device), folder / "best")
        self.guarded = GuardedStep((network, *self.others.values()), processes, progress, hints)

    # What a family defines

    @abstractmethod
    def title(self) -> str:
        """What is trained, in a few words that begin with "training"."""

    @abstractmethod
    def begin(self) -> None:
        """What a new run, and no continued one, does before its first step."""

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """What to learn from, endlessly, from the budget's step on: a continued run sees what it would have seen."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, float]:
        """Learn from one batch; the losses by name, none where the step had to be left out."""

    @abstractmethod
    def averaged(self) -> Dancer:
        """What dances with the averaged weights."""

    @abstractmethod
    def load(self, folder: Path) -> Dancer:
        """What dances with a model that was saved."""

    @abstractmethod
    def save(self, folder: Path, dancer: Dancer) -> None:
        """Write the model."""

    @abstractmethod
    def validate(self, dancer: Dancer, sheet: Path | None) -> Figures:
        """Let it dance on its own; `sheet` gets a PNG of some of the dances."""

    @abstractmethod
    def signs(self, losses: Mapping[str, float], found: Figures) -> Sequence[Sign]:
        """What may be wrong with the training."""

    @abstractmethod
    def summary(self, losses: Mapping[str, float], found: Figures) -> str:
        """A line for the person who watches."""

    @abstractmethod
    def columns(self) -> dict[str, float]:
        """Further columns of `history.csv` about how far the training is."""

    @abstractmethod
    def memory_estimate(self) -> MemoryEstimate:
        """What the training needs of memory."""

    def state(self) -> dict[str, Any]:
        """What else a checkpoint holds. All processes call it at the same place."""
        return {}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Be what `state` gave."""

    # What they share

    def start(self) -> None:
        """Continue the run that was interrupted in the folder, or begin; then all processes have the same weights.

        Raises ModelError for a checkpoint that is damaged or does not fit.
        """
        continued = self._continue()
        self.processes.agree(self.budget.step)
        if not continued:
            self.begin()
        self.processes.share(self.network, *self.others.values(), *self.critics.values())

    def run(self) -> dict[str, float]:
        """Train to the end; returns the figures of the model in `best/`, which the main process alone knows.

        Ctrl-C, or Cancelled out of the progress, ends it after the step at hand, with all that was learnt in the
        folder; a second Ctrl-C ends it at once.
        """
        if self.processes.main and self.budget.done < 1.0:
            self.log.open()
        with closing(self.log):
            self._loop()
        if not self.processes.main:
            return {}
        if self.kept is None:  # a run that was killed between its last step and its publication
            self.kept = self.validate(self.load(self.folder / "best"), None)
        return asdict(self.kept)  # pyright: ignore[reportArgumentType]

    def _loop(self) -> None:
        budget, processes, shown = self.budget, self.processes, 0.0
        pace = Pace(self.config.train.validate_every, self.progress)
        with (
            self.progress.task(self.title(), 100) as advance,
            interrupt_deferred(0.0 if processes.alone else ECHO_S) as interrupted,
            closing(self.batches()) as batches,  # pyright: ignore[reportArgumentType]
        ):
            while budget.done < 1.0:
                self.recent.append(self.step(next(batches)))
                budget.tick()
                cancelled = None
                try:
                    advance(100 * budget.done - shown)
                except Cancelled as error:
                    cancelled = error
                shown = 100 * budget.done
                pace.tick(budget)
                if budget.step % self.config.train.validate_every == 0 or budget.done >= 1.0:
                    self.report()
                    budget.look()
                if processes.any(interrupted() or cancelled is not None):
                    self.save_checkpoint()
                    processes.meet()  # who continues at once must find it
                    raise cancelled or KeyboardInterrupt

    def precision(self) -> AbstractContextManager:
        """The context in which networks compute."""
        return autocast(self.config.train.precision, self.device)

    def update_average(self) -> None:
        """Exponential moving average of the weights: what is validated, kept and danced with."""
        keep = self.config.train.ema
        if not self.trained_before:
            keep = min(keep, (1 + self.budget.step) / (10 + self.budget.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)

    def report(self) -> None:
        """Validate by free-running, keep the best, write history, samples and the checkpoint, and say how it goes."""
        self._check_weights()
        line = self._validate_and_keep() if self.processes.main else ""
        self.recent = []
        self.save_checkpoint()
        self.progress.say(line)

    def _validate_and_keep(self) -> str:
        """Validate, keep the last and the best, write history and samples; returns what to say of it."""
        step, dancer = self.budget.step, self.averaged()
        sheet = self.folder / "samples" / f"step_{step:06d}.png"
        with self.precision():
            found: Any = self.validate(dancer, sheet)
        losses = mean_losses(self.recent, self.LOSSES)
        row = {"step": step, **self.columns(), **losses, **asdict(found), "skipped": self.guarded.skipped}
        self.log.add({name: round(value, 6) for name, value in row.items()}, sheet)
        for words in self.watch.notice(self.signs(losses, found)):
            self.progress.warn(f"step {step}: {words}")
        self.save(self.folder / "last", dancer)
        if found.score < self.best or not (self.folder / "best").is_dir():
            self.best, self.kept = found.score, found
            self.save(self.folder / "best", dancer)
        return f"step {step}: {self.summary(losses, found)}"

    def _check_weights(self) -> None:
        self.guarded.check(self.budget.step, self.average, *(other.state_dict() for other in self.others.values()))

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, **self.others, **self.critics}

    def save_checkpoint(self) -> None:
        """All that a later run needs to continue as if there had been no break; a kill leaves the old one whole."""
        self._check_weights()
        state = {
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average,
            "step": self.budget.step,
            "seconds": self.budget.elapsed_s,
            "best": self.best,
            "kept": asdict(self.kept) if self.kept else None,  # pyright: ignore[reportArgumentType]
            "recent": self.recent,
            "skipped": self.guarded.skipped,
            "signs": self.watch.seen,
            "own": self.state(),
        }
        if self.processes.main:
            save_checkpoint(self.folder, state)

    def _restore(self, state: dict[str, Any]) -> None:
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average, self.recent, self.best = state["average"], state["recent"], state["best"]
        self.kept = self.FIGURES(**state["kept"]) if state["kept"] else None
        self.budget.start(state["step"], state["seconds"])
        self.guarded.start(state["skipped"])
        self.watch.seen = state["signs"]
        self.restore_state(state["own"])

    def _continue(self) -> bool:
        """Take up the folder's checkpoint; False where there is none. ModelError where it cannot be continued."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return False
        try:
            self._restore(load_checkpoint(path, device=self.device))
        except Exception as error:  # whatever another version wrote, and torch's reader fails in many ways
            raise ModelError(
                f"the interrupted training in {path} cannot be continued, it is damaged or of another version of "
                f"dancegen; start anew with --force ({error})"
            ) from error
        if self.processes.main:
            self.log.truncate_after(self.budget.step)
        self.progress.say(f"continuing from step {self.budget.step} of an interrupted run")
        return True


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and lists of them; a kill leaves the checkpoint before it whole."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.tmp"
    torch.save(state, partial)
    partial.replace(folder / CHECKPOINT)
