"""Poses and a prompt to film: what every backend needs.

A film is painted by a backend (`backend`, found through `registry`) and put together here. In the order of the work:
`settings` (what a person can choose), `prompts` (which text when), `portrait` (whose looks), `keyframes` and `segments`
(which frames are painted, and which together), `weights` and `hub` (the models' files), `tiers` and `plan` (what fits
into memory), `held` (the painter at work), `resume` (latents kept after a kill), `frames` (from painted frames to a
video).
"""
