"""The manifest of a checkpoint: its name, its origin, the place of its records and their checksum."""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onex.errors import PoisonError, RejectedError
from onex.util.error_text import validation_text

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
AUTOMATIC = "auto-"
"""Beginning of the names of checkpoints that an agent makes at intervals. Others cannot have it."""
_MOST_BYTES = 1_048_576
_MOST_PARTITIONS = 10_000
_MOST_SCHEMAS = 1_000
_Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PartitionCut(BaseModel):
    """The copy of one partition of the changelog."""

    model_config = ConfigDict(frozen=True)

    number: _Count
    """Of the changelog. Its copy is on the partition with the next number, as manifests are on number 0."""
    cut: _Count
    """Offset of the changelog. The copy has the effects of all records before it."""
    first: _Count
    """Offset from which the records of the copy are on the topic of checkpoints."""
    end: _Count
    records: _Count
    digest: _Digest
    """SHA-256 over lengths, keys and values, in the order of the records."""


class Manifest(BaseModel):
    """One checkpoint."""

    model_config = ConfigDict(frozen=True)

    form: Literal[1] = 1
    """Version of this layout."""
    name: str = Field(pattern=NAME_PATTERN)
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    """It differs for each attempt, so that records of another attempt are never read."""
    complete: bool = False
    """False while the records are written, and after an attempt that was interrupted."""
    node: str = Field(max_length=249)
    version: str = Field(max_length=64)
    """Version of the contract, as in ``CheckpointSource``."""
    changelog: str = Field(max_length=249)
    partitions: int = Field(ge=1, le=_MOST_PARTITIONS)
    fingerprint: _Digest
    """SHA-256 of the newest state schema that was registered then, in its canonical form."""
    schemas: dict[int, _Digest] = Field(default_factory=dict, max_length=_MOST_SCHEMAS)
    """Fingerprints of the schemas of the values, by id."""
    made_at_ms: _Count
    """Milliseconds since 1970, when the checkpoint was begun."""
    who: str = Field(default="", max_length=1_000)
    reason: str = Field(default="", max_length=10_000)
    key: str | None = None
    """The only key of the checkpoint. None for all keys."""
    keys: _Count = 0
    """Keys with a state or a timer."""
    size_bytes: _Count = 0
    """Bytes of all keys and values."""
    at_rest: bool = False
    """No instance ran and no record was written meanwhile, so that the cut is one across all keys, too."""
    cuts: tuple[PartitionCut, ...] = Field(default=(), max_length=_MOST_PARTITIONS)
    first: tuple[_Count, ...] = Field(default=(), max_length=_MOST_PARTITIONS)
    """Ends of the partitions for copies before the attempt: records of it come after them."""

    @property
    def automatic(self) -> bool:
        """Whether an agent made it at an interval."""
        return self.name.startswith(AUTOMATIC)

    @property
    def records(self) -> int:
        """Number of records: one for the state of a key, and one for its timers."""
        return sum(cut.records for cut in self.cuts)

    @property
    def checksum(self) -> str:
        """SHA-256 over the digests of all partitions."""
        return hashlib.sha256("".join(cut.digest for cut in self.cuts).encode()).hexdigest()


def encoded(manifest: Manifest) -> bytes:
    """Return a manifest as its topic stores it."""
    return manifest.model_dump_json().encode()


def decoded(value: bytes | None) -> Manifest:
    """Return the manifest in a record. Raise PoisonError."""
    if not value or len(value) > _MOST_BYTES:
        raise PoisonError(f"no manifest of a checkpoint: {len(value or b'')} bytes")
    try:
        return Manifest.model_validate_json(value)
    except ValidationError as error:
        raise PoisonError(f"no manifest of a checkpoint: {validation_text(error, Manifest)}") from None


def require_name(name: str, *, automatic: bool = False) -> None:
    """Raise RejectedError for a text that is no name of a checkpoint."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise RejectedError(
            f"{name[:40]!r} is no name of a checkpoint; use letters, digits and . _ : -, 100 characters at most"
        )
    if name.startswith(AUTOMATIC) and not automatic:
        raise RejectedError(f"{name!r}: names with {AUTOMATIC!r} belong to checkpoints that agents make at intervals")


class Digest:
    """Computes the digest of a partition, record by record."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, key: bytes, value: bytes) -> None:
        """Add a record."""
        for part in (key, value):
            self._hash.update(len(part).to_bytes(8))
            self._hash.update(part)

    def text(self) -> str:
        """Return the digest of the records so far."""
        return self._hash.hexdigest()


def newest_first(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return manifests by time, the newest first."""
    return sorted(manifests, key=lambda each: (each.made_at_ms, each.name), reverse=True)
