"""Messages of contract validation."""

from onex.node import Message


class ValidateContract(Message, key="generation_id"):
    """Check the text of a contract, and the options of its generation."""

    generation_id: str
    contract: str
    strategy: str = "auto"
    """``template``, or ``auto``, which is the same: a workflow has no folder with templates or an earlier version."""
    level: str = "standard"
    """Level of validation: ``none``, ``basic``, ``standard`` or ``strict``."""


class ContractValidated(Message):
    """The contract is valid."""

    generation_id: str
    name: str
    kind: str
    version: str
    mixins: tuple[str, ...] = ()
    """Class names of the capabilities that the contract declares."""
    warnings: tuple[str, ...] = ()
    """Declarations that overlap: valid, and probably not meant."""
    strategy: str = ""
    """The strategy to use."""
    level: str = ""


class ContractRefused(Message):
    """Every problem of the contract, one a line."""

    generation_id: str
    reason: str
