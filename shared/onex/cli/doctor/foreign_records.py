"""Finds foreign records on the topics that tools and agents share."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from onex.bus.protocols import ProtocolRecord
from onex.contract import ResolvedNode
from onex.dlq.reading import facts_of
from onex.errors import MessageError, PoisonError
from onex.mesh import Survey
from onex.model.mesh import AUDIT_TOPICS
from onex.model.mesh.topics import with_prefix
from onex.provisioning.environment import EnvironmentLog
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.topic_catalogue import TopicCatalogue
from onex.schema.whole_topic import whole_topic
from onex.wire.changelog import OWN, STATE, decode_timers
from onex.wire.foreign_headers import readable_headers
from onex.wire.skipped import Skipped, SkippedRecords
from onex.workflow import WorkflowState

Tail = Callable[[list[str]], Iterable[ProtocolRecord]]
"""The latest records of topics."""


def foreign_records(
    survey: Survey,
    catalogue: ProtocolSchemaCatalogue,
    nodes: Iterable[ResolvedNode],
    tail: Tail,
    *,
    has_registry: bool,
) -> Iterator[Skipped]:
    """Read all records of audit, snapshots, claims and ``_schemas``, and the latest of dead letters and changelogs.

    Skip topics that do not exist, or whose schema is not registered: another check reports them.

    Raise BusError.
    """
    nodes = list(nodes)
    skipped = SkippedRecords()
    _audits(survey, catalogue, skipped)
    _letters(nodes, tail, skipped)
    for node in nodes:
        if node.contract.node_type.is_stateful:
            _changelog(node, catalogue, tail, skipped)
    claims = EnvironmentLog(survey.bus, survey.prefix)
    claims.owner()
    found: dict[str, Skipped] = {**skipped.topics, **survey.foreign(), **claims.skipped.topics}
    if not has_registry:
        found |= _schemas(survey)
    for topic in sorted(found):
        yield found[topic]


def _audits(survey: Survey, catalogue: ProtocolSchemaCatalogue, skipped: SkippedRecords) -> None:
    for model, topic in with_prefix(AUDIT_TOPICS, survey.prefix).items():
        if topic in survey.bus.admin.topics([topic]):
            try:
                for _ in whole_topic(survey.bus, topic, model, catalogue, skipped):
                    pass
            except MessageError:
                continue  # not registered


def _letters(nodes: Iterable[ResolvedNode], tail: Tail, skipped: SkippedRecords) -> None:
    for record in tail(sorted({node.contract.dead_letter_topic for node in nodes})):
        try:
            facts_of(record)
        except PoisonError as error:
            skipped.skip(record, error)


def _changelog(node: ResolvedNode, catalogue: ProtocolSchemaCatalogue, tail: Tail, skipped: SkippedRecords) -> None:
    topic = node.contract.changelog_topic
    try:
        codec = Codec.of_topic(node.state_model or WorkflowState, topic, catalogue)
    except MessageError:
        return  # not registered
    for record in tail([topic]):
        try:
            _read(record, codec)
        except MessageError as error:
            skipped.skip(record, error)


def _read(record: ProtocolRecord, codec: Codec) -> None:
    key, value = record.key(), record.value()
    readable_headers(record)
    if not key or key[0] not in OWN:
        raise PoisonError("its key is that of no state and no timers")
    if not value:
        return
    if key.startswith(STATE):
        codec.decode(value)
    else:
        decode_timers(value)


def _schemas(survey: Survey) -> Mapping[str, Skipped]:
    catalogue = TopicCatalogue(survey.bus, survey.prefix)
    catalogue.versions(())
    return catalogue.skipped.topics
