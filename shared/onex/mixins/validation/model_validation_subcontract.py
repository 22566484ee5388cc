"""Configuration of validation."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, Field
from typing_extensions import override

from onex.capability import Subcontract
from onex.capability.mixin import Misfit
from onex.mixins.validation.constraint import TEXTS, ModelFieldConstraint
from onex.mixins.validation.fields import types_at
from onex.model.contract.version import ModelSemVer


class ModelValidationSubcontract(Subcontract):
    """Checks, and the number of reported problems."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    enable_fail_fast: bool = True
    """Report the first problem only. Messages for the handler are always checked completely."""
    strict_type_checking: bool = True
    """Do not convert types, such as text to a number. With False values are converted where possible."""
    enable_schema_validation: bool = True
    """Report missing and unknown fields, and fields of the wrong type."""
    enable_constraint_validation: bool = True
    """Report values that violate limits, patterns or rules."""
    max_validation_errors: int = Field(default=10, ge=1, le=100)
    """Most reported problems."""
    enable_validation_caching: bool = True
    """Cache results, so that equal data is not checked again."""
    validation_cache_ttl_seconds: int = Field(default=300, ge=10, le=3600)
    """Lifetime of a cached result, in seconds."""
    constraints: tuple[ModelFieldConstraint, ...] = Field(default=(), max_length=100)
    """Conditions on fields, in addition to those of the models. Conditions on several fields are rules in Python."""

    @override
    def misfits(self, models: Mapping[str, type[BaseModel]]) -> Iterator[Misfit]:
        for index, constraint in enumerate(self.constraints):
            at = ("constraints", index)
            model = models.get(constraint.message)
            if model is None:
                names = ", ".join(sorted(models))
                yield Misfit((*at, "message"), f"models/ has no class {constraint.message}", f"name one of {names}")
                continue
            kinds = types_at(model, constraint.field)
            if not kinds:
                words = f"{constraint.message} has no field {constraint.field}"
                yield Misfit((*at, "field"), words, f"name one of {', '.join(model.model_fields)}, or a part of one")
            for condition in constraint.unfit_for(kinds) if kinds else ():
                yield Misfit(
                    (*at, condition),
                    f"{constraint.message}.{constraint.field} is no {'text' if condition in TEXTS else 'number'}",
                    f"remove {condition}, or name another field",
                )
