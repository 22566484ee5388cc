"""Checks of the keys from which a generator writes bodies, against the messages in ``definitions``."""

from onex.contract.language.check import language_problems
from onex.contract.language.flow import flow_roots, flow_sources, results_at_end, results_before
from onex.contract.language.names import start_command
from onex.contract.language.operations import missing_capabilities, operation_sources
from onex.contract.language.types import Models, Sources, handler_sources, literal_fits, type_of

__all__ = [
    "Models",
    "Sources",
    "flow_roots",
    "flow_sources",
    "handler_sources",
    "language_problems",
    "literal_fits",
    "missing_capabilities",
    "operation_sources",
    "results_at_end",
    "results_before",
    "start_command",
    "type_of",
]
