"""Runs nodes without a broker, in virtual time, with faults; runs golden cases on every host."""

from onex.testing.cases import Case, load_cases, mismatch
from onex.testing.clock import ManualClock
from onex.testing.driver import MeshDriver, Sent
from onex.testing.run_case import run_case
from onex.testing.simulation import SimulationError, simulate

__all__ = [
    "Case",
    "ManualClock",
    "MeshDriver",
    "Sent",
    "SimulationError",
    "load_cases",
    "mismatch",
    "run_case",
    "simulate",
]
