"""Configuration of the transitions of a state."""

from typing import ClassVar

from onex.capability import Subcontract
from onex.model.contract.identifiers import Identifier
from onex.model.contract.state_machine import ModelFsmState, ModelTransition
from onex.model.contract.version import ModelSemVer


class ModelStateTransitionSubcontract(Subcontract):
    """The state machine of a node, with the keys of ``state_machine`` in the contract. Without any of them the
    contract has the machine there."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    state_field: Identifier = "status"
    """Field of the state model with the name of the state."""
    initial_state: str = ""
    """State of a new key."""
    states: tuple[ModelFsmState, ...] = ()
    """All states, with their entry and exit actions."""
    transitions: tuple[ModelTransition, ...] = ()
    """All transitions, with their guards and priorities. An event without a transition becomes a dead letter."""
