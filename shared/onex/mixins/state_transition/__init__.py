"""Transitions of a state: the ONEX name of the state machine of a contract."""

from onex.mixins.state_transition.feature_state_transition import FEATURE
from onex.mixins.state_transition.model_state_transition_subcontract import ModelStateTransitionSubcontract

__all__ = ["FEATURE", "ModelStateTransitionSubcontract"]
