"""Pairs of music and motion: the dataset on disk, and how silent dances meet songs."""
