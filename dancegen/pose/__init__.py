"""Poses: the skeleton, sequences of keypoints, drawing and decoding them, cleaning, file formats."""
