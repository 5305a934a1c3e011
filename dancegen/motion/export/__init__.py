"""A dance in the formats of other programs."""
