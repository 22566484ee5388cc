"""Runs nodes under faults that are drawn from a seed, and shrinks the schedule that fails."""

from onex.testing.simulation.inputs import MakeInputs
from onex.testing.simulation.invariants import INVARIANTS, Invariant, InvariantError, SimulatedRun
from onex.testing.simulation.run import SimulationError, simulate

__all__ = [
    "INVARIANTS",
    "Invariant",
    "InvariantError",
    "MakeInputs",
    "SimulatedRun",
    "SimulationError",
    "simulate",
]
