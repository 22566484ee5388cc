"""Fail fast: an ONEX name of MixinValidation."""

from onex.mixins.fail_fast.mixin_fail_fast import MixinFailFast
from onex.mixins.fail_fast.model_fail_fast_subcontract import ModelFailFastSubcontract

__all__ = ["MixinFailFast", "ModelFailFastSubcontract"]
