"""Skeleton renderers: styles that draw the keypoints and need no model."""
