"""Buckets of the latency histogram ``onex_stage_seconds``, which agents fill and capabilities read."""

from typing import Final

LATENCY_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds. A bound belongs to its bucket."""
