"""Configuration of performance monitoring."""

from collections.abc import Iterable
from typing import ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.capability.mixin import Misfit
from onex.mixins.metrics import ModelObjective
from onex.mixins.metrics.objective import unfit_objectives
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind


class ModelPerformanceMonitoringSubcontract(Subcontract):
    """The service level of a node."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    objectives: tuple[ModelObjective, ...] = Field(default=(), max_length=16)
    """Service level objectives, which are measured from the agent's own metrics."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        require_different("objectives", (objective.name for objective in self.objectives))
        return self

    @override
    def unfit_for(self, kind: EnumNodeKind) -> Iterable[Misfit]:
        """Return the objectives that need the latency of single messages, for kinds that work in batches."""
        return unfit_objectives(self.objectives, kind)
