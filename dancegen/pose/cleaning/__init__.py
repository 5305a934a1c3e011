"""From everybody that a detector saw in a clip to clean pieces of one dancer, and what single steps of it are."""

from dancegen.pose.cleaning.gaps import FILLED_CONFIDENCE, fill_gaps
from dancegen.pose.cleaning.limbs import clamp_limbs
from dancegen.pose.cleaning.pieces import Cleaned, Piece, Rejected
from dancegen.pose.cleaning.pipeline import clean_detections
from dancegen.pose.cleaning.placing import onto_canvas
from dancegen.pose.cleaning.settings import CleaningSettings
from dancegen.pose.cleaning.tracking import track_dancer

__all__ = [
    "FILLED_CONFIDENCE", "Cleaned", "CleaningSettings", "Piece", "Rejected", "clamp_limbs", "clean_detections",
    "fill_gaps", "onto_canvas", "track_dancer",
]  # fmt: skip
