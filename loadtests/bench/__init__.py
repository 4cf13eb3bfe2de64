"""`make bench`: every figure of the door side by side, in one run on one machine."""
