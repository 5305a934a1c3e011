"""dancegen: give it a song, get a dance video."""

__version__ = "0.1.0"
