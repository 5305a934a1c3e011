"""Readers of recorded dance: each format is a file here and a line of the registry; one kind of motion comes out."""
