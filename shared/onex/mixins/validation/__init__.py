"""Validation: checks of data and messages, with all problems in one error."""

from onex.mixins.validation.constraint import ModelFieldConstraint
from onex.mixins.validation.formats import EnumFormat
from onex.mixins.validation.mixin_validation import MixinValidation
from onex.mixins.validation.model_validation_subcontract import ModelValidationSubcontract
from onex.mixins.validation.protocol_validation import ProtocolValidation, ValidationProblem

__all__ = [
    "EnumFormat",
    "MixinValidation",
    "ModelFieldConstraint",
    "ModelValidationSubcontract",
    "ProtocolValidation",
    "ValidationProblem",
]
