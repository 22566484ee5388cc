"""Messages of the code-generation workflow and of the nodes that it drives."""

from pydantic import Field

from node_code_renderer_compute.v1_0_0.models import NodeRendered, RenderNode
from node_contract_validator_compute.v1_0_0.models import ContractRefused, ContractValidated, ValidateContract
from node_store_effect.v1_0_0.models import NodeStored, StoreNode
from node_test_generator_effect.v1_0_0.models import GenerateTests, TestsFailed, TestsPassed
from onex.node import Message

__all__ = [
    "ContractRefused",
    "ContractValidated",
    "GenerateNode",
    "GenerateTests",
    "GenerationCompleted",
    "GenerationFailed",
    "GenerationProgressed",
    "NodeRendered",
    "NodeStored",
    "RenderNode",
    "StoreNode",
    "TestsFailed",
    "TestsPassed",
    "ValidateContract",
]


class GenerateNode(Message, key="generation_id"):
    """Make a node package from the text of its contract."""

    generation_id: str = Field(min_length=1)
    contract: str = Field(min_length=1)
    strategy: str = "auto"
    """``template``, or ``auto``, which is the same: a workflow has no folder with templates or an earlier version."""
    level: str = "standard"
    """Level of validation: ``none``, ``basic``, ``standard`` or ``strict``."""
    mixins: bool = True
    """Whether the node class has the capabilities of the contract as bases."""


class GenerationCompleted(Message):
    """The package is tested, stored and exported."""

    generation_id: str
    name: str
    kind: str
    tests: int
    digest: str
    folder: str
    seconds: float
    strategy: str = ""
    level: str = ""
    gates: tuple[str, ...] = ()
    """Names of the stages that passed."""
    warnings: tuple[str, ...] = ()
    """What the contract declares twice, and what the stages found and did not refuse."""
    mixins: tuple[str, ...] = ()
    """Class names of the capabilities that the node class has."""
    unfinished: tuple[str, ...] = ()
    """Handlers to write by hand: the contract does not state their logic."""
    stage_seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds by step: read, render, validate, test."""


class GenerationFailed(Message):
    """The step that failed, and the reason."""

    generation_id: str
    step: str
    reason: str
    seconds: float
    stage: str = ""
    """Of the step ``tests``: what did not pass, ``validate`` or ``test``."""


class GenerationProgressed(Message, key="generation_id"):
    """A step of a generation: started, done or failed. An empty step is the whole generation."""

    generation_id: str
    step: str
    status: str
    kind: str
    seconds: float
    strategy: str = ""
    """As far as it is known: empty before the contract is validated, as ``mixins`` is."""
    mixins: tuple[str, ...] = ()
    unfinished: int = 0
    """Number of handlers to write by hand."""
    failed_step: str = ""
    """At the end of a generation that failed: the step, and for ``tests`` the stage as ``tests.validate``."""
