"""Poses and a prompt to film: Stable Diffusion 1.5 with AnimateDiff's motion modules, led by ControlNet OpenPose.

Read in the order of the work: `settings`, `models` (which files), `costs` and `thrift` (what fits), `loading`
(diffusers' pipeline), `windows` (how a long scene is denoised, and from which noise), `sampler` (the denoising loop),
`painter` (from a scene to frames), `temporal` (the second pass, with TemporalNet). `backend` is what the stages see.
"""
