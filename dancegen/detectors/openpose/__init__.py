"""OpenPose (Cao et al. 2017), as controlnet-aux runs it and as ControlNet was trained on.

Its code and weights are for non-commercial research only (CMU). dancegen ships neither.
"""

from __future__ import annotations

BODY_WEIGHTS, HAND_WEIGHTS, FACE_WEIGHTS = "body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"
"""The files of the networks, as https://huggingface.co/lllyasviel/Annotators has them."""
GRAPH = ".pb"
"""Ends a TensorFlow graph of the network for the body alone."""
