"""The journal of a commit: what is to be done, so that it can be completed after a crash."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

JOURNAL = "journal.json"
"""A change is committed when this file exists in its folder."""


class EnumStep(StrEnum):
    """What happens to a file. Each step can be repeated without a further effect."""

    WRITE = "write"
    APPEND = "append"
    DELETE = "delete"


class EnumArea(StrEnum):
    """Where the path of a step begins."""

    FILES = "files"
    APPENDED = "appended"
    """Digests of remembered appends, one file for each file of the node."""


class JournalStep(BaseModel):
    """A step. Its content is in the file that its number in the journal names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EnumStep
    path: str
    area: EnumArea = EnumArea.FILES
    offset: int = Field(default=0, ge=0)
    """Byte at which an append begins. A repeated append writes the same bytes at the same place."""


class Journal(BaseModel):
    """All steps of a change, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[JournalStep, ...]


@dataclass(frozen=True, slots=True)
class PreparedStep:
    """A step with its content, before it is written to the journal."""

    step: JournalStep
    content: bytes = b""
