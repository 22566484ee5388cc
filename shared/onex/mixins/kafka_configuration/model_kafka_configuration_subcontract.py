"""Configuration of a node's own Kafka clients."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumCompression(StrEnum):
    """Compression of batches."""

    NONE = "none"
    LZ4 = "lz4"
    ZSTD = "zstd"
    SNAPPY = "snappy"
    GZIP = "gzip"


class ModelKafkaConfigurationSubcontract(Subcontract):
    """The cluster and its producers. Idempotence and acknowledgement by all in-sync replicas are always on."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    bootstrap_servers: str = ""
    """Brokers of another cluster. Empty uses the agent's cluster."""
    producers: int = Field(default=1, ge=1, le=32)
    """Producers. All records of a key go through the same one, so their order stays."""
    compression: EnumCompression = EnumCompression.LZ4
    """Compression of batches."""
    linger_ms: int = Field(default=5, ge=0, le=1_000)
    """Time that a batch waits for further records."""
    delivery_timeout_ms: int = Field(default=30_000, ge=1_000, le=30_000)
    """A record that is not acknowledged within this time has failed."""
    config: dict[str, SecretStr] = Field(default_factory=dict)
    """Further settings of librdkafka, such as ``security.protocol`` and ``sasl.password``. ``${VAR}`` reads a value
    from the environment."""
