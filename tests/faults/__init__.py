"""Engines that die: a run is killed again and again, and its end and its effects are those of one that was not."""
