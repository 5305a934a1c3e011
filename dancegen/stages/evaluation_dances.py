"""Dances that evaluate has made: every model's to every song."""

from __future__ import annotations

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import EvaluateOptions, GeneratePosesOptions
from dancegen.progress import Progress
from dancegen.stages.evaluation_inputs import EvaluationInput
from dancegen.stages.generate_poses import check_span, generate_poses
from dancegen.stages.songs import SongFile
from dancegen.store import Artifact


def dance_to_songs(
    models: list[EvaluationInput],
    songs: list[SongFile],
    dataset: Artifact | None,
    options: EvaluateOptions,
    context: Context,
) -> list[tuple[str, Artifact]]:
    """Every model's dance to every song, with the model's name: artifacts of generate-poses.

    dataset: the poses that baselines dance with. Raises InputError for a span that a song does not have.
    """
    from dancegen.choreographers import choose_model, is_baseline

    if not models:
        return []
    for song in songs:
        try:
            check_span(options.start, options.seconds, song.info.seconds)
        except InputError as error:
            raise InputError(f"{song.path.name}: {error}") from error

    def dancers_dataset() -> Artifact:
        return context.resolve(dataset, "extract-poses")

    dances: list[tuple[str, Artifact]] = []
    with context.progress.task("Choreographing", len(models) * len(songs)) as advance:
        for model in models:
            quiet = _Unworried(context.progress) if is_baseline(model.name) else context.progress
            step = context.step(force=False, progress=quiet)
            chosen = choose_model(model.path, context.store, dancers_dataset)
            for song in songs:
                wanted = GeneratePosesOptions(
                    song=song.path,
                    model=str(model.path),
                    start=options.start,
                    seconds=options.seconds,
                    seed=options.seed,
                    beat_tracker=options.beat_tracker,
                    offline=options.offline,
                )
                dances.append((model.name, generate_poses(wanted, step, song=song, model=chosen)))
                advance(1)
    return dances


class _Unworried:
    """Progress without its warnings: that a baseline's dance is a bad one is what it is for."""

    def __init__(self, progress: Progress):
        self.task, self.say = progress.task, progress.say

    def warn(self, message: str) -> None:
        pass
