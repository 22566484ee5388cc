"""Configuration of a node's own Kafka clients."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumCompression(StrEnum):
    """How batches are packed."""

    NONE = "none"
    LZ4 = "lz4"
    ZSTD = "zstd"
    SNAPPY = "snappy"
    GZIP = "gzip"


class ModelKafkaConfigurationSubcontract(Subcontract):
    """Which cluster, and how it is written to. Acknowledgement by all replicas and idempotence are not up for choice.
    Source: seed 000."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    bootstrap_servers: str = ""
    """Another cluster than the agent's; empty: the same one."""
    producers: int = Field(default=1, ge=1, le=32)
    """Producers that share the work; all records of a key go through the same one, so their order stays."""
    compression: EnumCompression = EnumCompression.LZ4
    """How batches are packed."""
    linger_ms: int = Field(default=5, ge=0, le=1_000)
    """How long a batch waits for more."""
    delivery_timeout_ms: int = Field(default=30_000, ge=1_000, le=30_000)
    """What is not acknowledged by then has failed."""
    config: dict[str, SecretStr] = Field(default_factory=dict)
    """Further settings of librdkafka: ``security.protocol``, ``sasl.password`` ... ``${VAR}`` takes one from the
    environment."""
