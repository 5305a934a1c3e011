"""The metrics that papers on music to dance report, as their authors' own code computes them: the AIST++ protocol.

Everything is of SMPL's 24 joints in metres, y up, right-handed. What differs from what a reader of the papers would
expect is kept, since only so do figures stand beside a paper's, and is named where it is done.
"""
