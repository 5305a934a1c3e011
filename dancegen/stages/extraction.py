"""All clips of a dataset become clips of a pose dataset: on which workers, what is shown meanwhile, what is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from dancegen.detectors.registry import BLAZEPOSE
from dancegen.devices import choose_device
from dancegen.errors import InputError
from dancegen.formatting import duration
from dancegen.options.shared import Parallel
from dancegen.progress import Advance, Progress, remark
from dancegen.stages.detect_people import STAGE as DETECTION
from dancegen.stages.detect_people import Look, detected, let_go
from dancegen.stages.extract_clips import ClipTask, Extracted, Extraction, extract_clip, failed
from dancegen.stages.in_flight import DIED
from dancegen.stages.one_by_one import KILLED
from dancegen.stages.workers import hired, on_other_machines, surviving
from dancegen.store import Store
from dancegen.threads import usable_cores

SHOWN = 5
"""Reasons that are shown in full."""
REPORT = "report.html"
MOST_SHOWN = 100
"""Clips of which the report may show pictures."""


@dataclass(frozen=True)
class ExtractionJob:
    """The work behind one pose dataset. extraction: what is the same for all clips; its target is filled in by `build`.

    left_out: inputs that were left out before.
    """

    tasks: Sequence[ClipTask]
    extraction: Extraction
    workers: Parallel
    progress: Progress
    left_out: Sequence[str] = ()

    def build(self, directory: Path) -> dict:
        """Make the pose dataset in `directory`; returns its summary. Raises InputError where no dance is left."""
        from dancegen.dataset.format import write_clips

        made = sorted(self._extracted(directory), key=lambda each: each.task.clip.id)
        clips = [clip for each in made for clip in each.clips]
        faults = [f"{each.task.clip.id}: {each.fault}" for each in made if each.fault]
        if not clips:
            raise InputError(_nothing_left(made, faults))
        if faults:
            self.progress.warn(f"left out: {_listed(faults)}")
        write_clips(directory, clips)
        looks = [look for each in made for look in each.looks]
        if looks:
            from dancegen.metrics.report.footage_page import write_report

            write_report(directory / REPORT, looks)
        return self._summary(made, [*self.left_out, *faults])

    def ahead(self) -> list[str]:
        """What there is to do, for people: which clips a detector has still to look at, and how long that takes."""
        look = self.extraction.look
        if look is None:
            return []
        filmed, new, name = self._filmed(), self._unseen(), look.detector.name
        lines = [f"{len(filmed) - len(new)} of {len(filmed)} filmed clips have been looked at by {name} already"]
        if new:
            frames, seconds = sum(task.frames for task in new), sum(task.clip.seconds for task in new)
            rate = _usual_rate(name, self.extraction.store) * min(self.workers.workers or usable_cores(), len(new))
            takes = f", about {duration(frames / rate)} at the rate it had before" if rate else ""
            lines += look.detector.downloads
            lines.append(f"{frames} pictures are left, {duration(seconds)} of dance{takes}")
        return lines

    def _filmed(self) -> list[ClipTask]:
        return [task for task in self.tasks if task.kind == "video"]

    def _unseen(self) -> list[ClipTask]:
        """The filmed clips whose pictures a detector has to look at."""
        job = self.extraction
        return [
            task
            for task in self._filmed()
            if job.look and task.pictures and (job.force or not detected(job.look, task.pictures, job.store))
        ]

    def _extracted(self, directory: Path) -> Iterator[Extracted]:
        """What came of every clip, as they are done."""
        unseen = {task.clip.id: task.frames for task in self._unseen()}
        pictures = sum(unseen.values())
        label, total = ("Looking for the dancers", pictures) if unseen else ("Extracting poses", len(self.tasks))
        # The longest work first: a worker that began it last would be waited for.
        ordered = sorted(self._tasks_to_show(), key=lambda task: (-unseen.get(task.clip.id, 0), task.clip.id))
        workers = self._workers(bool(unseen))
        dropped = 0
        with self.progress.task(label, total) as advance, hired(workers, len(ordered)) as number:
            job = self._extraction(directory, workers, number, bool(unseen))
            for count, made in enumerate(_each(job, ordered, workers, number, advance, self.progress), 1):
                dropped += len(made.dropped)
                if not unseen:
                    advance(1)
                elif number != 1:
                    advance(unseen.get(made.task.clip.id, 0))
                remark(advance, f"{count} of {len(ordered)} clips{f', {dropped} parts dropped' if dropped else ''}")
                yield made

    def _tasks_to_show(self) -> list[ClipTask]:
        """All tasks, some of those that are cleaned marked as shown in the report: evenly chosen, where there are many.

        So thousands of clips are not opened a second time, and the choice does not depend on who is done first.
        """
        cleaned = [task.clip.id for task in self.tasks if task.kind != "motion"]
        every = max(1, -(-len(cleaned) // MOST_SHOWN))
        shown = set(cleaned[::every])
        return [replace(task, shown=task.clip.id in shown) for task in self.tasks]

    def _workers(self, looking: bool) -> Parallel:
        """Those that were asked for; a GPU of this machine is kept busy by one process."""
        look = self.extraction.look
        if looking and look is not None and not on_other_machines(self.workers) and _on_gpu(look):
            return replace(self.workers, workers=1)
        return self.workers

    def _extraction(self, directory: Path, workers: Parallel, number: int, looking: bool) -> Extraction:
        """What the workers are told. All their threads together are no more than there are cores, and none of them
        downloads weights: that is done here, once."""
        job = replace(self.extraction, target=directory)
        if job.look is None or not looking:
            return job
        threads = None if number == 1 else 1 if on_other_machines(workers) else max(1, usable_cores() // number)
        return replace(job, look=replace(job.look.fetched(self.progress), threads=threads))

    def _summary(self, made: Sequence[Extracted], left_out: list[str]) -> dict:
        frames, faces = Counter(), Counter()
        for each in made:
            frames.update(each.frames)
            faces.update(each.faces)
        clips = [clip for each in made for clip in each.clips]
        views = sorted(frames, key=_by_kind)
        return {
            "clips": len(clips),
            "val_clips": sum(clip.split == "val" for clip in clips),
            "views": views,
            "sequences": sum(each.sequences for each in made),
            "frames": sum(frames.values()),
            "seconds": round(sum(clip.own_seconds for clip in clips), 1),
            "size": list(self.extraction.size),
            "nose_visible": {view: round(faces[view] / max(frames[view], 1), 3) for view in views},
            **self._of_footage(made),
            **({"left_out": left_out} if left_out else {}),
        }

    def _of_footage(self, made: Sequence[Extracted]) -> dict:
        """Figures of the clips that were cleaned; none where all are motion capture."""
        cleaned = [each for each in made if each.task.kind != "motion"]
        if not cleaned:
            return {}
        qualities = [piece.quality for each in cleaned for look in each.looks for piece in look.pieces]
        look = self.extraction.look
        seen = {} if look is None else {
            "detector": look.detector.name,
            "clips_filmed": len(self._filmed()),
            "clips_detected": sum(each.computed for each in cleaned),
        }  # fmt: skip
        return {
            **seen,
            "quality": round(median(qualities), 3) if qualities else 0.0,
            "rejected": dict(Counter(part.kind for each in cleaned for part in each.dropped).most_common()),
        }


def _each(
    job: Extraction, tasks: Sequence[ClipTask], workers: Parallel, number: int, advance: Advance, progress: Progress
) -> Iterator[Extracted]:
    """What came of every clip; one whose processes die, or that cannot be read, has a `fault`."""
    if number == 1 and not on_other_machines(workers):
        try:
            for task in tasks:
                yield extract_clip(job, task, advance)
        finally:
            let_go()
        return
    on_gpu = job.look is not None and job.look.detector.name != BLAZEPOSE and job.look.device != "cpu"
    given = [(job, task) for task in tasks]
    for which, made in surviving(workers, extract_clip, given, number, progress, on_gpu=on_gpu):
        yield failed(job, tasks[which], KILLED) if made is DIED else made


def _on_gpu(look: Look) -> bool:
    """Whether the detector computes on a GPU; BlazePose knows none."""
    return look.detector.name != BLAZEPOSE and choose_device(look.device) != "cpu"


def _usual_rate(detector: str, store: Store) -> float:
    """Pictures a second that one process of a detector has looked at so far; 0 where that is not known."""
    before = [each for each in store.artifacts(DETECTION) if each.summary.get("detector") == detector]
    spent = sum(each.duration_s for each in before)
    return sum(each.summary.get("frames", 0) for each in before) / spent if spent > 0 else 0.0


def _nothing_left(made: Sequence[Extracted], faults: Sequence[str]) -> str:
    """Why no clip could be used."""
    dropped = [part for each in made for part in each.dropped]
    kinds = ", ".join(f"{kind} ({count})" for kind, count in Counter(part.kind for part in dropped).most_common())
    examples = [f"{part.clip} from {part.first_s:.1f} s: {part.reason}" for part in dropped]
    said = [f"all parts of all clips were dropped: {kinds}"] if dropped else []
    return f"no dance can be used: {'; '.join([*said, _listed([*faults, *examples])])}"


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(items[:SHOWN]) + more


def _by_kind(view: str) -> tuple[bool, str]:
    """Cameras at an angle first, in order, then those that have names."""
    return not (view[:1] == "a" and view[1:].isdigit()), view
