"""The feature of the engine that guards the transitions of a state."""

from collections.abc import Iterator

from onex.capability import define_feature
from onex.capability.feature import Refusal
from onex.mixins.state_transition.model_state_transition_subcontract import ModelStateTransitionSubcontract
from onex.model.contract import ModelContract


def _check(_: ModelStateTransitionSubcontract, contract: ModelContract) -> Iterator[Refusal]:
    if contract.state_machine is None:
        yield Refusal(
            "",
            "the node declares no states between which the engine could guard transitions",
            "declare them in state_machine, or in the configuration of this name",
        )


FEATURE = define_feature(__file__, ModelStateTransitionSubcontract, _check)
"""Contracts name it ``MixinStateTransition`` or ``state_transition``. The contract is read with its machine."""
