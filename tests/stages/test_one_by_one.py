"""One odd input costs nobody else: what it raises is its fault, also what kills the process that works on it."""

from __future__ import annotations

import pytest

from dancegen.errors import InputError
from dancegen.options.shared import Parallel
from dancegen.progress import SILENT
from dancegen.stages.one_by_one import KILLED, Fault, one_by_one
from helpers.deadly_work import work


@pytest.mark.parametrize("workers", [1, 2])
def test_what_one_input_raises_is_its_fault(workers):
    results = list(one_by_one("Working", work, [(0,), ("raise",), (2,)], Parallel(workers=workers), SILENT))
    assert [job for job, _ in results] == [0, "raise", 2]
    assert (results[0][1], results[2][1]) == (0, 2)
    assert results[1][1] == Fault("it is damaged (ZeroDivisionError: division by zero)")


def test_a_process_that_dies_loses_only_the_input_that_it_died_of():
    jobs = [(0,), (1,), ("die",), (3,), ("die",), (5,)]
    assert [result for _, result in one_by_one("Working", work, jobs, Parallel(workers=2), SILENT)] == [
        0,
        1,
        KILLED,
        3,
        KILLED,
        5,
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_run(workers):
    with pytest.raises(OSError, match="No space left"):
        list(one_by_one("Working", work, [(0,), ("full",), (2,)], Parallel(workers=workers), SILENT))


def test_errors_in_words_keep_their_words():
    assert Fault.of(InputError("a.bvh: cut off")).reason == "a.bvh: cut off"
    assert Fault.of(FileExistsError(17, "File exists")).reason.startswith("it is damaged (FileExistsError")
