"""Poses and a prompt to film: Stable Diffusion 1.5 with AnimateDiff's motion modules, led by ControlNet OpenPose.

Read in the order of the work: `settings`, `weights` (which files), `plan` (what fits), `keyframes` and `segments` (what
is painted when), `schedule` (which words), `loading` (diffusers' pipeline), `sampler` (the denoising loop), `reference`
(a person's looks), `temporal` (the second pass).
"""
