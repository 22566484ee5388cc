"""Messages of contract validation."""

from onex.node import Message


class ValidateContract(Message, key="generation_id"):
    """Check the text of a contract."""

    generation_id: str
    contract: str


class ContractValidated(Message):
    """The contract is valid."""

    generation_id: str
    name: str
    kind: str
    version: str


class ContractRefused(Message):
    """Every problem of the contract, one a line."""

    generation_id: str
    reason: str
