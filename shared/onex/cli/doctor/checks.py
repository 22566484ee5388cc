"""What ``onex doctor`` looks at: one function a check, each gives its findings."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import asyncpg

from onex.agent.failure.blocked_partitions import BLOCKED
from onex.agent.message.misrouted import REMEDY
from onex.bus.protocols import ProtocolEventBus, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.cli.doctor.foreign_records import foreign_records
from onex.cli.node_lookup import declared_by
from onex.cli.stack.stack_file import agent_infos, agent_reasons, is_local_kafka
from onex.contract import ResolvedNode
from onex.errors import MessageError
from onex.mesh import NodeView, Survey
from onex.model.enums import EnumNodeKind
from onex.model.mesh import MESH_TOPICS, EnumHealth, NodeHeartbeat
from onex.model.topic import environment_topic
from onex.provisioning.durability import REMEDY as REPLICATE
from onex.provisioning.durability import weak_topics
from onex.provisioning.provision import make_plan
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.util.error_text import scrubbed
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of
from onex.wire.partitioner import partition_of

_SAMPLE = 500
"""Latest records of a partition that are looked at."""


class Severity(StrEnum):
    """Errors make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, and what to do about it."""

    severity: Severity
    check: str
    what: str
    remedy: str


@dataclass
class CheckContext:
    """What is examined, and the limits."""

    bus: ProtocolEventBus
    catalogue: ProtocolSchemaCatalogue
    nodes: Sequence[ResolvedNode]
    settings: Settings
    dead_letters: int
    window: float
    skew: float

    @cached_property
    def survey(self) -> Survey:
        """Shared by the checks: it keeps what it has read."""
        return Survey(self.bus, self.catalogue, self.nodes, self.settings.env, self.settings.topic_prefix)

    @cached_property
    def views(self) -> list[NodeView]:
        """The first look."""
        return self.survey.look()

    def tail(self, topics: Sequence[str]) -> Iterator[ProtocolRecord]:
        """The latest records of topics that exist."""
        found = self.bus.admin.topics(topics)
        partitions = all_partitions(found.values())
        stable = self.bus.admin.stable_ends(partitions)
        starts = {p: max(first, stable[p] - _SAMPLE) for p, (first, _) in self.bus.admin.ends(partitions).items()}
        starts = {p: start for p, start in starts.items() if start < stable[p]}
        if not starts:
            return
        reader = self.bus.read(starts, stable)
        try:
            yield from reader.until_end()
        finally:
            reader.close()


def topics_and_schemas(context: CheckContext) -> Iterator[Finding]:
    """Against what the contracts declare: missing, different, not registered, incompatible."""
    declared = declared_by(context.settings, context.nodes)
    for change in make_plan(declared, context.bus, context.catalogue).changes:
        match change.action:
            case "claim":
                what = f"no environment owns the topics; {change.subject} has no claim"
            case "create":
                what = f"topic {change.subject} is missing"
            case "register":
                what = f"the schema of {change.subject} has drifted: {change.detail}"
            case "grow" | "alter":
                what = f"topic {change.subject} differs from its declaration: {change.detail}"
            case "refuse":
                remedy = "`onex plan` explains; make a new major version and migrate"
                if change.subject == environment_topic(context.settings.topic_prefix):
                    remedy = "`onex env show` names the owner"
                yield Finding(Severity.ERROR, "topics", f"{change.subject}: {change.detail}", remedy)
                continue
        yield Finding(Severity.ERROR, "topics", what, "`onex apply` brings it in line")


def durability(context: CheckContext) -> Iterator[Finding]:
    """Topics that can lose acknowledged records when one broker is lost. The local stack has one broker."""
    if is_local_kafka(context.settings):
        return
    declared = declared_by(context.settings, context.nodes)
    if what := weak_topics(context.bus.admin.topics(list(declared.topics)).values()):
        yield Finding(Severity.WARNING, "durability", what, REPLICATE)


def partitioner(context: CheckContext) -> Iterator[Finding]:
    """Keyed records must lie where murmur2 puts their key, or state of one key ends up in two places."""
    topics = sorted({topic for node in context.nodes for topic in node.routes})
    counts = {name: state.partitions for name, state in context.bus.admin.topics(topics).items()}
    wrong: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for record in context.tail(topics):
        key = record.key()
        if not key or partition_of(key, counts[record.topic()]) == record.partition():
            continue
        source = (headers_of(record).get(h.SOURCE) or b"an unknown producer").decode(errors="backslashreplace")
        place = (record.topic(), source)
        wrong[place] += 1
        examples[place] = f"'{key.decode(errors='backslashreplace')}' on partition {record.partition()}"
    for (topic, source), count in sorted(wrong.items()):
        yield Finding(
            Severity.ERROR,
            "partitioner",
            f"{count} records on {topic} from {source} lie on the wrong partition, "
            f"e.g. key {examples[topic, source]}",
            f"{REMEDY}; a keyed node forwards such records meanwhile",
        )


def stuck_partitions(context: CheckContext) -> Iterator[Finding]:
    """Lag that does not shrink: looks twice."""
    before = {lag.partition: lag for view in context.views for lag in view.lags if lag.lag}
    if not before:
        return
    time.sleep(context.window)
    for view in context.survey.look():
        stuck = [
            lag
            for lag in view.lags
            if lag.lag and lag.partition in before and before[lag.partition].committed == lag.committed
        ]
        if not stuck:
            continue
        names = ", ".join(f"{lag.partition.topic}[{lag.partition.partition}]" for lag in stuck)
        if not view.instances:
            remedy = f"no process of it is registered: `onex run {view.name}`"
        else:
            reasons = sorted({reason for entry in view.instances for reason in entry.reasons})
            told = "; ".join(reasons) or "its processes report nothing wrong"
            remedy = f"{told}; see `onex node show {view.name}` and its log"
        lag_sum = sum(lag.lag for lag in stuck)
        yield Finding(
            Severity.ERROR,
            "stuck",
            f"{view.name} has not moved for {context.window:g} s with {lag_sum} records waiting on {names}",
            remedy,
        )


def blocked_partitions(context: CheckContext) -> Iterator[Finding]:
    """At a record that ends the process: as the registry knows it, and as agents of this machine say themselves."""
    reasons = {
        (entry.node.node_id, reason)
        for view in context.views
        for entry in view.instances
        for reason in entry.reasons
        if reason.startswith(BLOCKED)
    }
    for info in agent_infos(context.settings):
        process = f"{context.settings.env}/{info['node']}/{info['instance']}"
        found = agent_reasons(info) or {}
        reasons |= {(process, f"{about}: {why}") for about, why in found.items() if about.startswith(BLOCKED)}
    for process, reason in sorted(reasons):
        what, _, remedy = reason.partition("; ")
        yield Finding(Severity.ERROR, "blocked", f"{process}: {what}", remedy)


def open_transactions(context: CheckContext) -> Iterator[Finding]:
    """One that stays open holds back whoever reads committed records: all nodes."""
    topics = sorted({topic for node in context.nodes for topic in (*node.routes, *node.outputs.values())})
    found = context.bus.admin.topics(topics)
    partitions = all_partitions(found.values())
    age = 2 * context.settings.transaction_timeout_ms / 1000
    late = context.bus.admin.offsets_at(partitions, round((time.time() - age) * 1000))
    for partition, offset in context.bus.admin.stable_ends(partitions).items():
        if offset < late[partition]:
            place = f"--topic {partition.topic} --partition {partition.partition} --start-offset {offset}"
            yield Finding(
                Severity.ERROR,
                "transactions",
                f"{partition.topic}[{partition.partition}] is held back by a transaction open for over {age:g} s",
                f"if its producer is gone: kafka-transactions.sh abort {place}; see docs/operations.md",
            )


def foreign(context: CheckContext) -> Iterator[Finding]:
    """Records that do not belong where they are: tools and agents skip them."""
    has_registry = bool(context.settings.schema_registry_url)
    for found in foreign_records(
        context.survey, context.catalogue, context.nodes, context.tail, has_registry=has_registry
    ):
        name = found.partition.topic
        yield Finding(
            Severity.WARNING,
            "foreign records",
            f"{found.count} records on {name} do not belong there and are skipped; the first one is at offset "
            f"{found.offset} of partition {found.partition.partition}: {found.reason}",
            f"find their sender, and let only agents and tools write to {name} (ACLs)",
        )


def clocks(context: CheckContext) -> Iterator[Finding]:
    """Heartbeats carry the process's time, their records the broker's."""
    topic = context.settings.topic_prefix + MESH_TOPICS[NodeHeartbeat]
    codec = Codec.of_topic(NodeHeartbeat, topic, context.catalogue)
    latest: dict[str, float] = {}
    for record in context.tail([topic]):
        try:
            message = codec.decode(record.value())
        except MessageError:
            continue  # whoever reads this topic for good buries it; a doctor only looks
        if isinstance(message, NodeHeartbeat) and message.env == context.settings.env:
            latest[message.node_id] = message.at.timestamp() - record.timestamp()[1] / 1000
    for node_id, ahead in sorted(latest.items()):
        if abs(ahead) > context.skew:
            how = "ahead of" if ahead > 0 else "behind"
            yield Finding(
                Severity.ERROR,
                "clocks",
                f"the clock of {node_id} is {abs(ahead):.1f} s {how} the broker's",
                "synchronise that machine (NTP): timers and timeouts go by it",
            )


def database(context: CheckContext) -> Iterator[Finding]:
    """Only when a node needs one, or one is configured."""
    needing = sorted(n.contract.name for n in context.nodes if _needs_database(n))
    url = context.settings.database_url.get_secret_value()
    if not url:
        if needing:
            yield Finding(
                Severity.ERROR, "database", f"{', '.join(needing)} need one", "set DATABASE_URL, or run `onex up`"
            )
        return
    if problem := asyncio.run(_unreachable(url)):
        yield Finding(
            Severity.ERROR, "database", f"does not answer: {scrubbed(problem)}", "start it, or mend DATABASE_URL"
        )


def dead_letters(context: CheckContext) -> Iterator[Finding]:
    """More of them than a team would leave lying."""
    for view in context.views:
        if view.dead_letters > context.dead_letters:
            yield Finding(
                Severity.ERROR,
                "dead letters",
                f"{view.name} has {view.dead_letters}",
                f"`onex dlq list --node {view.name}` shows why; mend the cause, then `onex dlq replay`",
            )


def registrations(context: CheckContext) -> Iterator[Finding]:
    """Nodes without a process, unwell ones, and processes of one version that run different contracts."""
    if not any(view.instances for view in context.views):
        yield Finding(
            Severity.WARNING,
            "registrations",
            "the registry knows no active process",
            "run node_registry_orchestrator and node_registry_reducer to see instances and health",
        )
        return
    for view in context.views:
        if not view.instances:
            yield Finding(
                Severity.WARNING,
                "registrations",
                f"{view.name} is {view.state}",
                f"`onex run {view.name}` starts one",
            )
        for entry in view.instances:
            if entry.health in (EnumHealth.UNHEALTHY, EnumHealth.GONE):
                yield Finding(
                    Severity.ERROR,
                    "registrations",
                    f"{entry.node.node_id} is {entry.health}: {'; '.join(entry.reasons)}",
                    "see its log",
                )
        digests = {entry.node.registered.contract_digest for entry in view.instances}
        if len(digests) > 1:
            yield Finding(
                Severity.ERROR,
                "registrations",
                f"{view.name} {view.version} runs with {len(digests)} different contracts",
                "finish the roll-out, and give changed contracts a new version",
            )


def sandbox(context: CheckContext) -> Iterator[Finding]:
    """Generated code that is tested with the files and the network of its agent."""
    if context.settings.sandbox == "process" and any(n.contract.name == _TESTS_CODE for n in context.nodes):
        yield Finding(
            Severity.WARNING,
            "sandbox",
            f"{_TESTS_CODE} runs generated code as its own user, with its files and its network",
            "run it where Linux allows namespaces of users, and unset ONEX_SANDBOX",
        )


_TESTS_CODE = "node_test_generator_effect"
CHECKS: Mapping[str, Callable[[CheckContext], Iterator[Finding]]] = {
    "topics": topics_and_schemas,
    "durability": durability,
    "partitioner": partitioner,
    "blocked": blocked_partitions,
    "stuck": stuck_partitions,
    "transactions": open_transactions,
    "foreign records": foreign,
    "clocks": clocks,
    "database": database,
    "dead letters": dead_letters,
    "registrations": registrations,
    "sandbox": sandbox,
}


def _needs_database(node: ResolvedNode) -> bool:
    contract = node.contract
    return contract.node_type is EnumNodeKind.EFFECT and any(d.module == "asyncpg" for d in contract.dependencies)


async def _unreachable(url: str) -> str:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        return str(error) or type(error).__name__
    await connection.close()
    return ""
