"""Replies of the engine about containers, as far as they are used."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from onex.mixins.container_operations.facts import (
    ContainerFacts,
    ContainerHealth,
    ContainerStatistics,
    ContainerSummary,
    EnumContainerHealth,
)

_OUTPUT_CHARACTERS = 1_000
_Labels = Annotated[dict[str, str], BeforeValidator(lambda labels: labels or {})]
"""The engine writes ``null`` for no labels."""


class _Check(BaseModel):
    output: str = Field(default="", alias="Output")


class _Health(BaseModel):
    status: EnumContainerHealth = Field(default=EnumContainerHealth.NONE, alias="Status")
    failures: int = Field(default=0, alias="FailingStreak")
    log: list[_Check] | None = Field(default=None, alias="Log")


class _State(BaseModel):
    status: str = Field(alias="Status")
    exit_code: int = Field(default=0, alias="ExitCode")
    is_out_of_memory: bool = Field(default=False, alias="OOMKilled")
    started_at: str = Field(default="", alias="StartedAt")
    health: _Health | None = Field(default=None, alias="Health")


class _Config(BaseModel):
    labels: _Labels = Field(default_factory=dict, alias="Labels")
    has_terminal: bool = Field(default=False, alias="Tty")


class _Binding(BaseModel):
    port: int = Field(alias="HostPort")


class _NetworkSettings(BaseModel):
    ports: dict[str, list[_Binding] | None] | None = Field(default=None, alias="Ports")


class Inspected(BaseModel):
    """A container."""

    id: str = Field(alias="Id", pattern=r"^[0-9a-f]{12,64}$")
    name: str = Field(alias="Name")
    image_id: str = Field(default="", alias="Image")
    state: _State = Field(alias="State")
    config: _Config = Field(alias="Config")
    network: _NetworkSettings = Field(default_factory=_NetworkSettings, alias="NetworkSettings")

    @property
    def facts(self) -> ContainerFacts:
        """The container for handlers."""
        state = self.state
        return ContainerFacts(
            self.id,
            self.name.removeprefix("/"),
            self.image_id,
            state.status,
            state.exit_code,
            state.is_out_of_memory,
            state.started_at,
            self.config.labels,
            {port: bindings[0].port for port, bindings in (self.network.ports or {}).items() if bindings},
        )

    @property
    def health(self) -> ContainerHealth:
        """The engine's check."""
        found = self.state.health or _Health()
        output = found.log[-1].output[-_OUTPUT_CHARACTERS:] if found.log else ""
        return ContainerHealth(found.status, found.failures, output, self.state.status == "running")


class Listed(BaseModel):
    """A container in a list."""

    id: str = Field(alias="Id")
    names: list[str] = Field(default_factory=list, alias="Names")
    state: str = Field(default="", alias="State")
    labels: _Labels = Field(default_factory=dict, alias="Labels")

    @property
    def summary(self) -> ContainerSummary:
        """The container for handlers."""
        return ContainerSummary(
            self.id, self.names[0].removeprefix("/") if self.names else "", self.state, self.labels
        )


class Executed(BaseModel):
    """A command in a container."""

    is_running: bool = Field(alias="Running")
    exit_code: int | None = Field(default=None, alias="ExitCode")


class Waited(BaseModel):
    """The end of a container."""

    exit_code: int = Field(alias="StatusCode")


class _Usage(BaseModel):
    total_usage: int = 0


class _Cpu(BaseModel):
    cpu_usage: _Usage = _Usage()
    system_cpu_usage: int = 0
    online_cpus: int = 1


class _Memory(BaseModel):
    usage: int = 0
    limit: int = 0
    stats: dict[str, int] = {}


class _Network(BaseModel):
    rx_bytes: int = 0
    tx_bytes: int = 0


class _Transfer(BaseModel):
    op: str
    value: int


class _Disks(BaseModel):
    transfers: list[_Transfer] | None = Field(default=None, alias="io_service_bytes_recursive")


class _Pids(BaseModel):
    current: int = 0


class Sampled(BaseModel):
    """Two samples of the use of resources, a second apart."""

    cpu: _Cpu = Field(default_factory=_Cpu, alias="cpu_stats")
    earlier: _Cpu = Field(default_factory=_Cpu, alias="precpu_stats")
    memory: _Memory = Field(default_factory=_Memory, alias="memory_stats")
    networks: dict[str, _Network] = {}
    disks: _Disks = Field(default_factory=_Disks, alias="blkio_stats")
    pids: _Pids = Field(default_factory=_Pids, alias="pids_stats")

    @property
    def statistics(self) -> ContainerStatistics:
        """The samples as figures. Memory is without files that the kernel can drop, as ``docker stats`` shows it."""
        used = self.cpu.cpu_usage.total_usage - self.earlier.cpu_usage.total_usage
        elapsed = self.cpu.system_cpu_usage - self.earlier.system_cpu_usage
        memory = self.memory
        droppable = memory.stats.get("total_inactive_file", memory.stats.get("inactive_file", 0))
        transfers = self.disks.transfers or []
        return ContainerStatistics(
            cpus=max(0, used) / elapsed * self.cpu.online_cpus if elapsed > 0 else 0.0,
            memory_bytes=max(0, memory.usage - droppable),
            memory_limit_bytes=memory.limit,
            pids=self.pids.current,
            received_bytes=sum(network.rx_bytes for network in self.networks.values()),
            sent_bytes=sum(network.tx_bytes for network in self.networks.values()),
            read_bytes=sum(transfer.value for transfer in transfers if transfer.op.lower() == "read"),
            written_bytes=sum(transfer.value for transfer in transfers if transfer.op.lower() == "write"),
        )
