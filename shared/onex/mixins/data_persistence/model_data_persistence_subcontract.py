"""Configuration of data persistence."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelDataPersistenceSubcontract(Subcontract):
    """What a node stores. The keyed state of a REDUCER or ORCHESTRATOR is always durable, in its changelog topic."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    standby: bool = False
    """REDUCER, ORCHESTRATOR: every instance copies the keyed state of the others, so that it can take over without a
    restore. It is ``delivery.standby`` of the contract."""
    result_retention_seconds: float | None = Field(default=None, gt=0, le=31_536_000)
    """EFFECT: how long results are stored by idempotency key, in keyed state. A repeated message gets the stored
    result. None stores none. It is ``delivery.keep_answers`` of the contract."""
    folder: str = ""
    """EFFECT: folder with all files of the node. Empty uses ``files`` and the name of the node in the agent's
    home."""
    max_value_bytes: int = Field(default=16 * 1024 * 1024, ge=1, le=1024**4)
    """EFFECT: files do not grow beyond this size, and larger files are not read."""
    remembered_appends: int = Field(default=10_000, ge=0, le=1_000_000)
    """EFFECT: appends that are remembered for each file, so that a message that is handled again appends nothing."""
