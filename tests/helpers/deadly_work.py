"""Work for several processes, of which one kind of job kills its process, as running out of memory does."""

from __future__ import annotations

import os
import time


def work(job: object) -> object:
    """The job itself; "die" ends the process, "raise" and "full" raise."""
    if job == "die":
        time.sleep(0.2)  # others are being worked on
        os._exit(9)
    if job == "raise":
        raise ZeroDivisionError("division by zero")
    if job == "full":
        raise OSError(28, "No space left on device")
    return job
