"""What stays in a regeneration, what it replaces and what it could not decide."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from onex.errors import ContractError, ContractProblem


class EnumMergeNote(StrEnum):
    """What happened to a part of a node."""

    KEPT_BODY = "kept_body"
    """A hand-written body replaces the rendered one."""
    KEPT_HANDLER = "kept_handler"
    """A hand-written method that the contract no longer names."""
    KEPT_FILE = "kept_file"
    """A file that the generator does not render."""
    REPLACED_BODY = "replaced_body"
    """A body that an earlier rendering wrote has the new rendering."""
    SIGNATURE = "signature"
    """A hand-written body has a new signature: mypy shows what no longer fits."""
    REMOVED = "removed"
    """A part that an earlier rendering wrote, and that the contract no longer asks for."""
    LEFT_OUT = "left_out"
    """A rendered part that was removed by hand, and stays removed."""
    CONFLICT = "conflict"
    """The contract and the hand-written part differ. The hand-written part stays."""


class ModelMergeNote(BaseModel):
    """One decision of a regeneration, with its place."""

    model_config = ConfigDict(frozen=True)

    kind: EnumMergeNote
    file: str
    """Path below the services folder."""
    line: int
    """Line in the earlier file, from 1. 0 means the whole file, or a part that it lacks."""
    name: str
    """Qualified name of the part, such as ``NodePriceCompute.compute``."""
    message: str

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file
        return f"{at}: {self.kind}: {self.name}: {self.message}"


Add = Callable[[EnumMergeNote, int, str, str], None]
"""Adds a note on a file: its kind, line, name and message."""


@dataclass(slots=True)
class Notes:
    """Collects notes."""

    items: list[ModelMergeNote]

    def on(self, file: str) -> Add:
        """Return the function that adds notes on one file."""

        def add(kind: EnumMergeNote, line: int, name: str, message: str) -> None:
            self.items.append(ModelMergeNote(kind=kind, file=file, line=line, name=name, message=message))

        return add


def refuse(file: Path, line: int, field: str, message: str, remedy: str) -> NoReturn:
    """Raise ContractError with one problem."""
    raise ContractError([ContractProblem(file, line, field, message, remedy)])
