"""All settings of the mesh. Environment variables come first, then the running local stack, then defaults."""

import json
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from onex.errors import ConfigurationError
from onex.model.outgoing import DEFAULT_MAX_MESSAGE_BYTES
from onex.model.topic import LONGEST_PREFIX, PREFIX_PATTERN
from onex.util.networks import network_text

__all__ = ["Settings"]

STACK_FILE = "stack.json"
_EXAMPLES = {"services": '["services"]', "health_allow": '["10.0.0.0/8"]'}
"""Settings that are lists in JSON."""


class Settings(BaseSettings):
    """Read from variables ``ONEX_*``. The names of three variables that other programs use, too, have no prefix."""

    model_config = SettingsConfigDict(env_prefix="ONEX_", frozen=True, extra="ignore", populate_by_name=True)

    kafka_bootstrap_servers: str = Field(
        default="",
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "ONEX_KAFKA_BOOTSTRAP_SERVERS"),
        description="Kafka to use. Empty: the local stack that `onex up` started.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("DATABASE_URL", "ONEX_DATABASE_URL"),
        description="PostgreSQL for effects. Empty: the local stack's, which it has where a node needs one.",
    )
    schema_registry_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SCHEMA_REGISTRY_URL", "ONEX_SCHEMA_REGISTRY_URL"),
        description="A Confluent-compatible registry. Empty: the topic `_schemas`.",
    )
    env: str = Field(
        default="dev",
        pattern=r"^[a-z0-9-]+$",
        description="Name of the environment, in every consumer group. It owns the topics that `onex apply` creates; "
        "another environment on the cluster is refused.",
    )
    topic_prefix: str = Field(
        default="",
        pattern=rf"^{PREFIX_PATTERN}$",
        max_length=LONGEST_PREFIX,
        description="Prefix of every topic, group, transactional id and schema subject, such as `staging.`. It ends "
        "in a dot. Environments that share a cluster need one each; at most one of them has none.",
    )
    home: Path = Field(default=Path(".onex"), description="Folder for data, state and logs on this machine.")
    services: list[Path] = Field(default=[Path("services")], description="Folders that hold nodes, as a JSON list.")
    instance: str = Field(
        default="", description="Stable name of an agent process. Empty: host name and the first free slot."
    )
    group_protocol: Literal["consumer", "classic"] = Field(
        default="consumer", description="`consumer` is KIP-848 (Kafka 4); `classic` for older clusters."
    )
    replication_factor: Literal[-1] | Annotated[int, Field(ge=1)] = Field(
        default=-1,
        description="Replicas of topics whose contract sets no number. -1 takes `default.replication.factor`.",
    )
    kafka_config: dict[str, SecretStr] = Field(
        default_factory=dict, description="Further librdkafka settings, as JSON: security.protocol, sasl.* ..."
    )
    transaction_timeout_ms: int = Field(
        default=15_000,
        ge=1000,
        le=900_000,
        description="A dead agent hides later records of its partitions for this long.",
    )
    max_message_bytes: int = Field(
        default=DEFAULT_MAX_MESSAGE_BYTES,
        ge=DEFAULT_MAX_MESSAGE_BYTES,
        le=100_000_000,
        description="Largest record with key and headers, of all topics that contracts declare (`onex apply` brings "
        "it to the cluster) and of all clients; retry and dead-letter topics take 128 KiB more.",
    )
    sandbox: Literal["namespaces", "process"] = Field(
        default="namespaces",
        description="How generated code is isolated on the machine that tests it. `process`: only an empty "
        "environment and limits, where Linux allows no user namespaces; `onex doctor` reports it.",
    )
    state_memory_mb: int = Field(
        default=256, ge=16, description="Megabytes of memory for the keyed state of an agent; the rest is on disk."
    )
    health_host: str = Field(default="127.0.0.1", description="Address of /healthz, /readyz and /metrics.")
    health_port: int = Field(
        default=0, ge=0, le=65_535, description="Port of /healthz, /readyz and /metrics; 0 takes a free port."
    )
    health_allow: list[Annotated[str, AfterValidator(network_text)]] = Field(
        default_factory=list,
        max_length=1_000,
        description="Networks whose clients may connect to that port, as a JSON list: "
        '`["10.0.0.0/8", "2001:db8::/32"]`. This machine always may. Empty: all clients.',
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="Form of log lines on stderr.")
    drain_timeout: float = Field(
        default=20.0, gt=0, description="Seconds that running handlers get on shutdown and rebalance."
    )
    heartbeat_interval: float = Field(
        default=30.0, ge=0, description="Seconds between an agent's heartbeats; 0 keeps it out of the registry."
    )
    lag_threshold: int = Field(
        default=10_000, ge=1, description="Offsets behind at which an agent reports that it is lagging."
    )
    otlp_endpoint: str = Field(
        default="",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "ONEX_OTLP_ENDPOINT"),
        description="OpenTelemetry collector (OTLP over HTTP) that receives the traces. Empty: no traces are made.",
    )
    traces_per_second: float = Field(
        default=100.0,
        ge=0,
        description="Maximum number of messages a second that an agent traces; 0 traces all that were sampled.",
    )
    stall_timeout: float = Field(
        default=60.0,
        gt=0,
        description="Seconds without progress, while there is lag, until an agent is unready.",
    )
    start_timeout: float = Field(
        default=120.0,
        ge=70,
        description="Seconds that one step of an agent's start may take (waiting for brokers takes up to 60); the "
        "process then ends with code 70.",
    )

    @classmethod
    def load(cls, **values: object) -> "Settings":
        """Read the environment, and the local stack for settings that it leaves empty. Raises ConfigurationError."""
        try:
            settings = cls(**values)  # type: ignore[arg-type]  # checked by pydantic
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"settings: {wrong}") from None
        except SettingsError as error:  # pydantic names the field, and not the value
            field = str(error).partition('"')[2].partition('"')[0]
            example = _EXAMPLES.get(field, '{"security.protocol": "SASL_SSL"}')
            raise ConfigurationError(f"settings: ONEX_{field.upper()} is no JSON; write it like {example}") from None
        stack = settings.home / STACK_FILE
        if not stack.exists():
            return settings
        started = _read_stack(stack)
        missing: dict[str, object] = {}
        if not settings.kafka_bootstrap_servers and started.get("kafka_bootstrap_servers"):
            missing["kafka_bootstrap_servers"] = started["kafka_bootstrap_servers"]
        if not settings.database_url and started.get("database_url"):
            missing["database_url"] = SecretStr(started["database_url"])
        if "services" not in settings.model_fields_set and started.get("services"):
            missing["services"] = [Path(folder) for folder in started["services"]]
        return settings.model_copy(update=missing)

    @property
    def client_config(self) -> dict[str, str]:
        """``kafka_config`` as clients take it. It may contain secrets."""
        return {name: value.get_secret_value() for name, value in self.kafka_config.items()}

    def require_kafka(self) -> str:
        """Return the bootstrap servers. Raises ConfigurationError when there are none."""
        if not self.kafka_bootstrap_servers:
            raise ConfigurationError("no Kafka: run `onex up`, or set KAFKA_BOOTSTRAP_SERVERS")
        return self.kafka_bootstrap_servers

    @property
    def host(self) -> str:
        """Name of this machine, for instance names."""
        return socket.gethostname()


def _read_stack(stack: Path) -> dict[str, str]:
    """Return the file that `onex up` wrote. Raises ConfigurationError for a damaged one."""
    try:
        content = json.loads(stack.read_bytes())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{stack} is damaged: it is no JSON object; remove it, and run `onex up`")
    return content
