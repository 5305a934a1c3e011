"""What a video says about itself: MP4 keeps a handful of named tags, everything else travels in `comment` as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

# The tags that MP4 has a place for and that players show. Any other name would be dropped silently by the muxer.
PLAIN_TAGS = ("title", "artist", "album", "date", "genre", "copyright", "description")


def to_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The container tags that carry `metadata`; `from_tags` is its inverse."""
    tags = {name: str(value) for name, value in metadata.items() if name in PLAIN_TAGS}
    others = {name: str(value) for name, value in metadata.items() if name not in PLAIN_TAGS}
    if others:
        tags["comment"] = json.dumps(others, ensure_ascii=False, sort_keys=True)
    return tags


def from_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Metadata as it was given to `to_tags`; the tags of a video that somebody else made come back as they are."""
    metadata = dict(tags)
    try:
        others = json.loads(metadata["comment"])
    except (KeyError, ValueError):
        return metadata
    if not isinstance(others, dict):
        return metadata
    del metadata["comment"]
    return metadata | {str(name): str(value) for name, value in others.items()}
