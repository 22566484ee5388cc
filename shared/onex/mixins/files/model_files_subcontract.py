"""Configuration of files."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_ordered
from onex.model.contract.version import ModelSemVer


class ModelFilesSubcontract(Subcontract):
    """Folder, permissions and limits of files."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    folder: str = ""
    """Folder with all files of the node. Empty uses ``files`` and the name of the node in the agent's home. All
    instances on one machine may share it; no other program may change its files."""
    file_mode: str = Field(default="0600", pattern=r"^0[0-7]{3}$")
    """Permissions of new files, in octal digits. Who may read a file may also enter its folders."""
    max_file_bytes: int = Field(default=16 * 1024 * 1024, ge=1, le=1024**4)
    """Files do not grow beyond this size, and larger files are not read."""
    max_change_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=1024**4)
    """Most bytes of one change. They are in memory until the commit."""
    max_change_files: int = Field(default=1_000, ge=1, le=100_000)
    """Most files of one change."""
    max_listed: int = Field(default=10_000, ge=1, le=10_000_000)
    """Most names that ``list`` returns. With more files it raises an error."""
    remembered_appends: int = Field(default=10_000, ge=0, le=1_000_000)
    """Appends that are remembered for each file, so that a message that is handled again appends nothing. 0
    remembers none."""
    lock_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Seconds that a commit waits for the commit of another instance on the same folder."""
    threads: int = Field(default=4, ge=1, le=64)
    """Threads that wait for the disk, so that the event loop does not."""

    @model_validator(mode="after")
    def _a_change_has_room_for_a_file(self) -> Self:
        require_ordered("max_file_bytes", self.max_file_bytes, "max_change_bytes", self.max_change_bytes)
        return self
