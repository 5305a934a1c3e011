"""The published project's experiments, run again: one setting of the GAN's training is changed at a time.

    python benchmarks/ablation.py [POSES] [--only decay activation] [--epoch-clips 60] [-o docs/ablation.md] [--json]

Learning rate, its decay, epochs, the discriminator's depth, ReLU or LeakyReLU, the batch, and what black pixels count:
each value is trained with `dancegen train` on the same pose dataset (the newest, unless POSES names one), and danced
and measured with `dancegen evaluate`. The base has a second row, `chance`, by another seed: what differs by less than
these two do differs by nothing. Every training and evaluation is kept in the store, and the table is written after
every row: a run that was stopped goes on with what is missing. An epoch shows `--epoch-clips` clips; 0 is all of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command, machine, table, write_songs

if TYPE_CHECKING:
    from dancegen.progress import Progress

BUDGET = ("train.clip_frames=8", "train.first_clip_frames=8", "loss.synchrony=0")
"""What is left out for the sake of time: long clips, and the beat critic, which learns longer than these trainings."""
BASE, CHANCE = "base", "chance"
BEGIN, END = "<!-- the table: benchmarks/ablation.py writes it -->", "<!-- end of the table -->"
LOSSES = ("l1", "position", "feature_matching", "adversarial", "real", "fake")
"""Those that the table shows; the JSON has all."""
FIGURES = (
    "speed_median", "accel_mean", "freeze_ratio", "missing", "variety", "bas_music", "footfall", "fid_k", "fid_g",
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """A setting, the values it is given, the base's first, and what the authors published about it.

    `kept`: the values, among these, that they settled on, where they settled on some and not on others.
    """

    name: str
    values: tuple[str, ...]
    published: str
    kept: tuple[str, ...] = ()


EXPERIMENTS = (
    Experiment("learning-rate", ("0.001", "0.0005"), "0.0005 and 0.001 were both used"),
    Experiment("decay", ("0.8", "0.5", "0.1"), "times 0.8 each epoch", ("0.8",)),
    Experiment("epochs", ("10", "5", "15", "20"), "5 to 20 were used"),
    Experiment("extra-layers", ("1", "5"), "both were tried"),
    Experiment("activation", ("leaky", "relu"), "LeakyReLU in all blocks", ("leaky",)),
    Experiment("batch", ("10", "5", "20"), "10 was used", ("10",)),
    Experiment("black-weight", ("0.1", "1"), "black pixels count a tenth", ("0.1",)),
)


@dataclass(frozen=True)
class Trial:
    """One row: the base with, perhaps, one setting changed."""

    experiment: str
    value: str
    settings: dict[str, str]
    seed: int


@dataclass
class Row:
    """What came of a trial. `losses`: means over the last epoch; `score`: the trainer's, of held-out clips; 0 is real.

    `train_s`: how long the training took, all its sittings together.
    """

    experiment: str
    value: str
    steps: int
    model: str
    train_s: float
    score: float
    losses: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float | None] = field(default_factory=dict)


def trials(only: Sequence[str], seed: int) -> list[Trial]:
    """The base, the base by another chance, and every other value of the experiments."""
    base = {experiment.name: experiment.values[0] for experiment in EXPERIMENTS}
    changed = [
        Trial(experiment.name, value, {**base, experiment.name: value}, seed)
        for experiment in EXPERIMENTS
        if experiment.name in only
        for value in experiment.values[1:]
    ]
    return [Trial(BASE, "", base, seed), Trial(CHANCE, "", base, seed + 1), *changed]


def schedule(trial: Trial, clips: int) -> tuple[int, list[str]]:
    """Steps of a trial whose epoch shows so many clips, and its settings as `dancegen train --set` takes them.

    Both networks learn at one rate, which decays once an epoch. Whichever of the last two epochs danced better is kept,
    as the trainer does it, and the losses are those of the last.
    """
    chosen = trial.settings
    epoch = max(1, round(clips / int(chosen["batch"])))
    steps = epoch * int(chosen["epochs"])
    return steps, [
        f"train.learning_rate={chosen['learning-rate']}",
        f"train.discriminator_rate={chosen['learning-rate']}",
        f"train.decay={chosen['decay']}",
        f"train.decay_steps={epoch}",
        f"train.validate_every={max(epoch, steps - epoch)}",
        f"train.batch={chosen['batch']}",
        f"discriminator.extra_layers={chosen['extra-layers']}",
        f"generator.activation={chosen['activation']}",
        f"loss.black_weight={chosen['black-weight']}",
    ]


def run(trial: Trial, clips: int, songs: Path, options: argparse.Namespace, progress: Progress) -> Row:
    """Train a trial, or find it in the store, and have it dance and be measured."""
    from dancegen import evaluate, train

    steps, settings = schedule(trial, clips)
    budget = [*BUDGET, f"loss.perceptual={options.perceptual if options.vgg else 0:g}", *options.set]
    model = train(
        options.poses, family="gan", preset=options.preset, max_steps=steps, settings=[*budget, *settings],
        seed=trial.seed, vgg=options.vgg, device=options.device, store=options.store, progress=progress,
    )  # fmt: skip
    measured = evaluate(
        [model], songs=songs, seconds=options.seconds, seed=options.seed, device=options.device,
        store=options.store, progress=progress,
    )  # fmt: skip
    with model.file("history.csv").open(newline="") as file:
        last = {name: float(value) for name, value in list(csv.DictReader(file))[-1].items() if value}
    return Row(
        experiment=trial.experiment,
        value=trial.value,
        steps=steps,
        model=model.digest[:16],
        train_s=last["seconds"],
        score=model.summary["score"],
        losses={name: value for name, value in last.items() if name in loss_names() and isfinite(value)},
        figures=measured.summary["figures"][model.digest[:8]],
    )


def loss_names() -> tuple[str, ...]:
    from dancegen.choreographers.gan.trainer import GanTrainer

    return GanTrainer.LOSSES


def settle(options: argparse.Namespace, progress: Progress) -> argparse.Namespace:
    """The options with the store and the pose dataset in the place of their names. Raises NotFoundError for none."""
    from dancegen.context import Context

    context = Context.open(options.store, progress=progress)
    options.store = context.store
    options.poses = context.resolve(options.poses, "extract-poses")
    return options


def rows_of(todo: Sequence[Trial], options: argparse.Namespace, progress: Progress) -> Iterator[Row]:
    """The rows, as they are made; of options that were settled."""
    from dancegen.dataset.format import read_clips

    clips = options.epoch_clips or sum(clip.split == "train" for clip in read_clips(options.poses))
    with tempfile.TemporaryDirectory() as folder, progress.task("ablation", len(todo)) as advance:
        songs = options.songs or write_songs(Path(folder) / "songs", 2, options.seconds)
        for number, trial in enumerate(todo, 1):
            progress.say(f"{number} of {len(todo)}: {trial.experiment} {trial.value}".rstrip())
            yield run(trial, clips, songs, options, progress)
            advance(1)


def as_record(rows: Sequence[Row], options: argparse.Namespace, total: int) -> dict:
    """What --json prints."""
    return {
        "conditions": conditions(options),
        "machine": machine(),
        "base": {experiment.name: experiment.values[0] for experiment in EXPERIMENTS},
        "real_dance": real_dance(),
        "missing": total - len(rows),
        "rows": [asdict(row) for row in rows],
        "verdicts": {experiment.name: verdict(experiment, rows) for experiment in EXPERIMENTS},
    }


def conditions(options: argparse.Namespace) -> dict[str, object]:
    """Everything beside the experiments that the figures depend on."""
    return {
        "poses": options.poses.digest[:16],
        "preset": options.preset,
        "set": [*BUDGET, *options.set],
        "perceptual": options.perceptual if options.vgg else 0,
        "epoch_clips": options.epoch_clips or "all",
        "seed": options.seed,
        "songs": "two synthetic songs" if options.songs is None else options.songs.name,
        "seconds": options.seconds,
    }


def real_dance() -> dict[str, float | None]:
    """The figures of real dance that `evaluate` has as its first row."""
    from dancegen.assets import asset
    from dancegen.metrics.dance import rounded
    from dancegen.metrics.reference import REAL, Reference

    return rounded(Reference.load(asset("reference.npz")).rows[REAL])


def verdict(experiment: Experiment, rows: Sequence[Row]) -> str:
    """How the scores of an experiment's values compare, and whether that agrees with what the authors kept."""
    scores = {row.value: row.score for row in rows if row.experiment == experiment.name}
    by_name = {row.experiment: row.score for row in rows}
    if BASE not in by_name or CHANCE not in by_name or not scores:
        return "not run"
    scores = {experiment.values[0]: by_name[BASE], **scores}
    chance = abs(by_name[BASE] - by_name[CHANCE])
    best = min(scores, key=scores.get)
    others = [value for value in scores if value != best]
    second = min(others, key=scores.get)
    if scores[second] - scores[best] <= chance:
        return f"{best} and {second} differ by chance at most"
    said = f"{best} is best, {second} next"
    if not experiment.kept:
        return said
    return said + (": agrees" if best in experiment.kept else ": does not agree")


def as_markdown(rows: Sequence[Row], options: argparse.Namespace, total: int) -> str:
    """The tables, with what the authors published beside."""
    from dancegen.metrics.table import COLUMNS, CONTROLS, written

    columns = [column for key in FIGURES for column in COLUMNS if column.key == key]
    beside = CONTROLS["a quarter beat off"]

    def measured(figures: dict[str, float | None]) -> Iterator[str]:
        for column in columns:
            cell = written(figures.get(column.key), column)
            yield cell + "/" + written(figures.get(beside[column.key]), column) if column.key in beside else cell

    titles = [f"{column.title}/off" if column.key in beside else column.title for column in columns]
    trained = [("real dance", *[""] * (3 + len(LOSSES)), *measured(real_dance()))]
    for row in rows:
        cells = [f"{row.experiment} {row.value}".strip(), row.steps]
        cells += [f"{row.train_s / 60:.1f}", *(_number(row.losses.get(name)) for name in LOSSES), f"{row.score:.2f}"]
        trained.append((*cells, *measured(row.figures)))
    verdicts = [(one.name, one.published, one.values[0], verdict(one, rows)) for one in EXPERIMENTS]
    said = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in conditions(options).items()
    )
    missing = f" {total - len(rows)} rows are still missing." if len(rows) < total else ""
    here = ", ".join(f"{name} {value}" for name, value in machine().items())
    losses = [name.replace("_", " ") for name in LOSSES]
    return "\n".join(
        [
            table(("", "steps", "minutes", *losses, "score", *titles), trained),
            "",
            table(("experiment", "published", "base", "here, by score"), verdicts),
            "",
            f"Measured {here}: {said}.{missing}",
            "",
        ]
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def write_tables(path: Path, tables: str, record: dict) -> None:
    """Put the tables into the page at `path`, between its marks if it has them, and the record beside it as JSON."""
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    whole = f"{before}{BEGIN}\n\n{tables}\n{END}{after}" if begin and end else tables
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(whole, encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    names = [experiment.name for experiment in EXPERIMENTS]
    parser = command(__doc__, cores=False)
    parser.add_argument("poses", nargs="?", help="an extract-poses artifact, its path or digest; else the newest")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--epoch-clips", type=int, default=60, help="clips that an epoch shows; 0: all, as published")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="for all rows; repeatable")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights, for the perceptual loss; without them it is left out")
    parser.add_argument("--perceptual", type=float, default=0.25, help="weight of the perceptual loss, with --vgg")
    parser.add_argument("--songs", type=Path, help="a folder of songs to dance to; else two synthetic ones")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each song")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--store", type=Path, help="as every command of dancegen has it")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file for the tables; JSON goes beside it")
    options = parser.parse_args(arguments)
    if options.epoch_clips < 0:
        parser.error("--epoch-clips must be 0 or more")
    return options


def main(arguments: list[str] | None = None) -> int:
    from dancegen.cli.progress import CommandProgress
    from dancegen.errors import DancegenError

    options = parse(arguments)
    todo, rows = trials(options.only, options.seed), []
    try:
        with CommandProgress() as progress:
            for row in rows_of(todo, settle(options, progress), progress):
                rows.append(row)
                if options.output:
                    tables = as_markdown(rows, options, len(todo))
                    write_tables(options.output, tables, as_record(rows, options, len(todo)))
    except DancegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"interrupted after {len(rows)} of {len(todo)} rows: the same command goes on there", file=sys.stderr)
        return 130
    record = as_record(rows, options, len(todo))
    print(json.dumps(record, indent=1, allow_nan=False) if options.json else as_markdown(rows, options, len(todo)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
