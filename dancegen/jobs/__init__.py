"""Work that is queued: calls of the Python API, done one after the other in a process of their own.

They can be watched and cancelled from any thread, also in the middle of native code, and are remembered beside the
store: what a killed program left undone can be taken up again.
"""

from dancegen.jobs.queue import Job, Jobs
from dancegen.jobs.requests import result

__all__ = ["Job", "Jobs", "result"]
