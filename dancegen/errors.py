"""What can go wrong, worded for the person who made it. Each error knows the exit code its kind deserves."""


class DancegenError(Exception):
    """Something failed that was not the person's doing (exit code 1)."""

    exit_code = 1


class InputError(DancegenError):
    """Wrong usage or input: the message says what, in which file, and what to do next (exit code 2)."""

    exit_code = 2


class AudioError(InputError):
    """A song that cannot be read or is not one."""


class MocapError(InputError):
    """A motion capture file that cannot be read, or a skeleton whose joints are unknown."""


class PoseError(InputError):
    """A pose file or array that is not what it claims to be."""


class ModelError(InputError):
    """A model that is missing, damaged or of another architecture."""


class StoreError(DancegenError):
    """The artifact store could not be read or written."""


class TrainingError(DancegenError):
    """A training that can only get worse: the message says at which step, what went wrong, and what to try."""


class NotFoundError(InputError):
    """No such artifact, or none yet of the stage that is asked for."""


class DoneInPart(DancegenError):
    """Some of the work was done and kept; the message says what is missing (exit code 3)."""

    exit_code = 3


class Cancelled(DancegenError):
    """The run was cancelled from outside, at a step it can go on from (exit code 130)."""

    exit_code = 130
