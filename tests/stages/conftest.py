"""What tests of films find by name; whoever needs another of these defines it."""

from __future__ import annotations

from helpers.film_fixtures import models, poses, store

__all__ = ["models", "poses", "store"]
