"""All figures together: of dances of any length, pooled, in words, and as a table."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.dance import Dance, Windows, average, distances, measure
from dancegen.metrics.diagnosis import faults, timing
from dancegen.metrics.features import ENOUGH_WINDOWS
from dancegen.metrics.table import COLUMNS, DETAILS, VIDEO_COLUMNS, Row, as_text, shown_columns
from dancegen.pose.sequence import PoseSequence
from helpers.pendulum import beats, frozen, noisy, pendulum, sequence


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 40, 59, 61, 89, 91, 150])
def test_a_dance_of_any_length_is_measured(frames):
    dance = Dance.of(sequence(pendulum()[:frames]), beats(30.0))
    figures = measure(dance, [beats(30.0, 0.4)])
    assert figures["seconds"] == pytest.approx(frames / 30) and figures["missing"] == 0
    windows = Windows.of([dance])
    assert len(windows.kinetic) == len(windows.geometric) == max(0, (frames - 90) // 45 + 1)
    assert set(distances(windows, *Windows.of([Dance.of(sequence(pendulum()))]).statistics)) >= {"fid_k", "fid_g"}


def test_what_shows_nobody_has_no_figures_and_is_said_so():
    nobody, a_point, flashes = pendulum(3.0), pendulum(3.0), np.repeat(pendulum(3.0), 2, axis=0)
    nobody[:] = 0
    a_point[..., :2] = 100
    flashes[::2] = 0  # at 60 frames a second; at 30 nothing is left
    for keypoints, fps, missing in ((nobody, 30.0, 1), (a_point, 30.0, 0), (flashes, 60.0, 0.5)):
        dance = Dance.of(PoseSequence(keypoints, fps), beats(3.0))
        found = measure(dance, [beats(3.0, 0.4)])
        known = {name: value for name, value in found.items() if np.isfinite(value)}
        assert known == {"seconds": 3, "shown": 0, "missing": missing, "beats": len(beats(3.0))}
        assert len(Windows.of([dance]).kinetic) == 0
        assert len(faults(found)) == 1 and "nobody is shown" in faults(found)[0]


def test_a_dance_that_shows_nobody_takes_nothing_from_the_others_of_its_row():
    dances = [Dance.of(sequence(keypoints), beats(30.0)) for keypoints in (pendulum(), 0 * pendulum())]
    each = [measure(dance) for dance in dances]
    pooled = average(each)
    assert pooled["shown"] == pooled["missing"] == 0.5 and pooled["seconds"] == 60
    assert pooled["bas_music"] == each[0]["bas_music"] and pooled["freeze_ratio"] == each[0]["freeze_ratio"]
    row = Row("mine", pooled, each, ["slow", "fast"], dances=dances)
    assert "nobody is shown in 1 of 2 dances: fast" in row.notes


def test_several_dances_are_averaged_by_their_length_and_what_is_not_known_does_not_count():
    pooled = average([{"seconds": 30.0, "speed": 1.0, "pfc": np.nan}, {"seconds": 10.0, "speed": 2.0, "pfc": 4.0}])
    assert pooled == {"seconds": 40.0, "speed": 1.25, "pfc": 4.0}


def said(keypoints, beats_s=None) -> str:
    dance = Dance.of(sequence(keypoints), beats(30.0) if beats_s is None else beats_s)
    return "; ".join(faults(measure(dance)))


def test_what_is_wrong_is_said_in_words():
    assert "stands still for 33%" in said(frozen(pendulum()))
    assert "trembles" in said(noisy(pendulum(), 0.03))
    assert "do not keep time" in said(pendulum(late_s=0.125))
    still = np.repeat(pendulum()[:1], 900, axis=0)
    assert said(still) == "the dancer stands still for 100% of the time"
    guessed = pendulum()
    guessed[:450, 1:14, 2] = 0.3
    assert "50% of the joints were not shown" in said(guessed)
    sliding = pendulum()
    sliding[..., 0] += 100 * np.sin(2 * np.pi * np.arange(900) / 60)[:, None]
    assert "feet slide" in said(sliding)
    assert "hardly moves: 0.05" in faults({"speed_median": 0.05})[0]
    assert "limbs stretch to 0.50" in faults({"limb_p99_max": 0.5})[0]
    assert "takes no step" in faults({"seconds": 30.0, "bas_music": 0.3})[0]


def test_feet_that_slide_more_than_any_real_dancer_does_are_named_and_others_are_not():
    (fault,) = faults({"skating": 0.24})
    assert fault == "the feet slide over the floor 3.0 times as much as in real dance"
    assert faults({"skating": 0.134}) == []  # breakdance and salsa at their most slippery


def test_how_well_the_steps_meet_the_beat_is_a_sentence():
    def of(late_s: float) -> str:
        return timing(measure(Dance.of(sequence(pendulum(late_s=late_s)), beats(30.0))))

    assert of(0.0) == "the steps fall on the beat, as real dancers' steps do"
    assert of(0.125) == "the steps do not keep time"
    # The grades between, from the measured lead of real dancers down.
    grades = [timing({"footfall_lead": lead}) for lead in (0.42, 0.25, 0.13, 0.09)]
    assert [grade.split(",")[0] for grade in grades] == [
        "the steps fall on the beat", "the steps follow the beat", "some steps meet the beat",
        "the steps do not keep time",
    ]  # fmt: skip
    assert timing({}) == timing({"footfall_lead": None}) == "no steps or no beats to compare"


def test_the_sentence_and_the_verdict_agree_about_the_beat():
    for lead in np.linspace(-0.5, 1, 61):
        figures = {"seconds": 30.0, "footfall": 0.5, "footfall_shifted": 0.4, "footfall_lead": lead}
        assert ("do not keep time" in timing(figures)) == any("keep time" in fault for fault in faults(figures))


def test_figures_without_a_lead_as_earlier_versions_wrote_them_accuse_nobody():
    assert faults({"seconds": 30.0, "bas_music": 0.2, "footfall": 0.65, "footfall_shifted": 0.33}) == []


def test_a_good_dance_and_a_dance_without_music_have_no_such_fault():
    assert said(pendulum()) == "the dancer does the same over and over"  # and nothing else
    assert "keep time" not in said(pendulum(late_s=0.125), np.empty(0))
    assert faults({}) == [] and faults({"freeze_ratio": None, "missing": float("nan")}) == []


def test_a_row_of_few_windows_says_so():
    dance = Dance.of(sequence(pendulum(30.0)))
    figures = {"windows": 19}
    assert any("only 19 windows" in note for note in Row("few", figures, dances=[dance]).notes)
    assert Row("enough", {"windows": ENOUGH_WINDOWS}, dances=[dance]).notes == []


def test_the_table_lines_up_and_shows_only_columns_with_a_figure():
    rows = [("real dance", {"speed_median": 0.2, "fid_k": None}), ("gan", {"speed_median": 12.0, "flicker": 0.01})]
    lines = as_text(rows).splitlines()
    assert len({len(line) for line in lines}) == 1 and len(lines) == 3
    assert lines[0].split() == ["speed", "flicker"] and lines[1].split() == ["real", "dance", "0.20", "-"]
    assert as_text(rows, width=80).splitlines() == lines
    first, second = (block.splitlines() for block in as_text(rows, width=20).split("\n\n"))
    assert [line.split()[-1] for line in first] == ["speed", "0.20", "12.00"]
    assert [line.split()[-1] for line in second] == ["flicker", "-", "0.0100"]
    assert max(map(len, first + second)) <= 20
    every = [column.key for column in (*COLUMNS, *VIDEO_COLUMNS, *DETAILS)]
    assert len(set(every)) == len(every) and not shown_columns([{}])


def test_the_controls_are_rows_under_a_dance_and_not_under_a_baseline():
    figures = {"footfall": 0.65, "footfall_shifted": 0.33, "footfall_other": 0.45, "bas_music": 0.2, "bas_other": 0.1}
    table = as_text([("gan", figures), ("baseline:copy", figures), ("still", {"bas_music": 0.0})])
    assert [line.split() for line in table.splitlines()] == [
        ["beat", "step"],
        ["gan", "0.20", "0.65"],
        ["a", "quarter", "beat", "off", "-", "0.33"],
        ["another", "song", "0.10", "0.45"],
        ["baseline:copy", "0.20", "0.65"],
        ["still", "0.00", "-"],
    ]


def test_every_figure_of_a_dance_is_in_one_of_the_tables():
    dance = Dance.of(sequence(pendulum(), joints3d=np.zeros((900, 18, 3))), beats(30.0))
    found = measure(dance, [beats(30.0, 0.43)]) | distances(Windows.of([dance]), *Windows.of([dance]).statistics)
    assert set(found) - {column.key for column in (*COLUMNS, *DETAILS)} == {"shown"}
