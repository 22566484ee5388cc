"""What a regeneration changed, in numbers: of one node, and of many."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from onex.codegen.model import EnumValidationStage
from onex.codegen.regenerate.features import EnumFeature
from onex.codegen.regenerate.notes import ModelMergeNote
from onex.model.enums import EnumNodeKind


class EnumGate(StrEnum):
    """Result of one gate."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


class ModelNodeVersion(BaseModel):
    """One version of a node: before or after."""

    model_config = ConfigDict(frozen=True)

    version: str
    lines: Mapping[EnumFeature, int] = Field(default_factory=dict)
    """Logical lines by feature."""
    mixins: tuple[str, ...] = ()
    """Class names of the capabilities in the contract, sorted."""
    features: tuple[EnumFeature, ...] = ()
    """Features with lines of their own, and those of capabilities."""
    handlers: tuple[str, ...] = ()
    """Methods that the contract names."""
    unfinished: tuple[str, ...] = ()
    """Handlers that do nothing but raise NotImplementedNodeError."""
    gates: Mapping[EnumValidationStage, EnumGate] = Field(default_factory=dict)
    """Result by stage. Empty when the version was not validated."""
    validation_seconds: float = 0.0
    """Time of all gates."""

    @property
    def total(self) -> int:
        """All logical lines."""
        return sum(self.lines.values())

    @property
    def passed(self) -> bool:
        """Whether no gate failed. True when none was run."""
        return EnumGate.FAILED not in self.gates.values()


class ModelRegenerationMetrics(BaseModel):
    """A node before and after its regeneration."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: EnumNodeKind
    before: ModelNodeVersion
    after: ModelNodeVersion
    generation_seconds: float
    """Time of rendering and merging."""
    notes: tuple[ModelMergeNote, ...] = ()
    """What stayed, what was replaced and what is undecided."""
    kept_bodies: tuple[str, ...] = ()
    """Qualified names of hand-written bodies that stayed."""
    conflicts: tuple[str, ...] = ()
    """Places where the contract and hand-written parts differ."""
    changed_files: tuple[str, ...] = ()
    """Paths of files that the regeneration changes, adds or removes."""

    @property
    def reduction_percent(self) -> float:
        """Share of logical lines that are gone, in percent. Negative when there are more."""
        before = self.before.total
        return 100.0 * (before - self.after.total) / before if before else 0.0

    @property
    def features_added(self) -> tuple[EnumFeature, ...]:
        """Features that only the new version has."""
        return tuple(item for item in self.after.features if item not in self.before.features)

    @property
    def features_removed(self) -> tuple[EnumFeature, ...]:
        """Features that only the earlier version has."""
        return tuple(item for item in self.before.features if item not in self.after.features)


class ModelProjectMetrics(BaseModel):
    """The regeneration of many nodes."""

    model_config = ConfigDict(frozen=True)

    nodes: int
    lines_before: int
    lines_after: int
    nodes_with_mixins: int
    mixins: int
    """Capabilities of all nodes."""
    handlers: int
    generated_handlers: int
    """Handlers whose body is generated and finished."""
    unfinished_handlers: int
    nodes_passed: int
    """Nodes without a failed gate."""
    conflicts: int
    generation_seconds: float
    """Mean time of rendering and merging a node."""
    validation_seconds: float
    """Mean time of the gates of a node."""

    @property
    def reduction_percent(self) -> float:
        """Share of logical lines that are gone, in percent."""
        return 100.0 * (self.lines_before - self.lines_after) / self.lines_before if self.lines_before else 0.0

    @property
    def mixins_per_node(self) -> float:
        """Mean number of capabilities."""
        return self.mixins / self.nodes if self.nodes else 0.0

    @property
    def generated_percent(self) -> float:
        """Share of handlers whose body is generated and finished, in percent."""
        return 100.0 * self.generated_handlers / self.handlers if self.handlers else 0.0


def project_metrics(nodes: Sequence[ModelRegenerationMetrics]) -> ModelProjectMetrics:
    """Return the sums and means over nodes."""
    count = len(nodes) or 1
    kept = [sum(_short(name) in node.after.handlers for name in node.kept_bodies) for node in nodes]
    unfinished = sum(len(node.after.unfinished) for node in nodes)
    handlers = sum(len(node.after.handlers) for node in nodes)
    return ModelProjectMetrics(
        nodes=len(nodes),
        lines_before=sum(node.before.total for node in nodes),
        lines_after=sum(node.after.total for node in nodes),
        nodes_with_mixins=sum(bool(node.after.mixins) for node in nodes),
        mixins=sum(len(node.after.mixins) for node in nodes),
        handlers=handlers,
        generated_handlers=handlers - unfinished - sum(kept),
        unfinished_handlers=unfinished,
        nodes_passed=sum(node.after.passed for node in nodes),
        conflicts=sum(len(node.conflicts) for node in nodes),
        generation_seconds=sum(node.generation_seconds for node in nodes) / count,
        validation_seconds=sum(node.after.validation_seconds for node in nodes) / count,
    )


def _short(name: str) -> str:
    return name.rpartition(".")[2]
