"""Films painted with Wan VACE, a video model that is led by poses and goes on from frames that are there already."""
