"""How good is a dance: every figure in seconds and body heights, not frames and pixels."""
