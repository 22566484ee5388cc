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


class GenerationCompleted(Message):
    """The package is tested, stored and exported."""

    generation_id: str
    name: str
    kind: str
    tests: int
    digest: str
    folder: str
    seconds: float


class GenerationFailed(Message):
    """The step that failed, and the reason."""

    generation_id: str
    step: str
    reason: str
    seconds: float


class GenerationProgressed(Message, key="generation_id"):
    """A step of a generation: started, done or failed. An empty step is the whole generation."""

    generation_id: str
    step: str
    status: str
    kind: str
    seconds: float
