"""Checks of topics, schemas and the records in them."""

from collections import Counter
from collections.abc import Iterator

from onex.cli.doctor.check import CheckContext, Finding, Severity
from onex.cli.doctor.foreign_records import foreign_records
from onex.cli.node_lookup import declared_by
from onex.cli.stack.stack_file import is_local_kafka
from onex.model.topic import environment_topic
from onex.provisioning.durability import REMEDY as REPLICATE
from onex.provisioning.durability import weak_topics
from onex.provisioning.provision import make_plan
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of
from onex.wire.partitioner import PARTITIONER_REMEDY, partition_of


def topics_and_schemas(context: CheckContext) -> Iterator[Finding]:
    """Compare topics and schemas with the declarations of the contracts."""
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
    """Find topics that can lose acknowledged records when one broker is lost. The local stack has one broker."""
    if is_local_kafka(context.settings):
        return
    declared = declared_by(context.settings, context.nodes)
    if what := weak_topics(context.bus.admin.topics(list(declared.topics)).values()):
        yield Finding(Severity.WARNING, "durability", what, REPLICATE)


def partitioner(context: CheckContext) -> Iterator[Finding]:
    """Find records on another partition than murmur2 of their key: they would put state of one key in two places."""
    topics = sorted({topic for node in context.nodes for topic in node.routes})
    counts = {name: state.partitions for name, state in context.bus.admin.topics(topics).items()}
    misrouted: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for record in context.tail(topics):
        key = record.key()
        if not key or partition_of(key, counts[record.topic()]) == record.partition():
            continue
        source = (headers_of(record).get(h.SOURCE) or b"an unknown producer").decode(errors="backslashreplace")
        place = (record.topic(), source)
        misrouted[place] += 1
        examples[place] = f"'{key.decode(errors='backslashreplace')}' on partition {record.partition()}"
    for (topic, source), count in sorted(misrouted.items()):
        yield Finding(
            Severity.ERROR,
            "partitioner",
            f"{count} records on {topic} from {source} are on the wrong partition, "
            f"e.g. key {examples[topic, source]}",
            f"{PARTITIONER_REMEDY}; a keyed node forwards such records meanwhile",
        )


def foreign(context: CheckContext) -> Iterator[Finding]:
    """Find records that do not belong on their topic: tools and agents skip them."""
    has_registry = bool(context.settings.schema_registry_url)
    for skipped in foreign_records(
        context.survey, context.catalogue, context.nodes, context.tail, has_registry=has_registry
    ):
        topic = skipped.partition.topic
        yield Finding(
            Severity.WARNING,
            "foreign records",
            f"{skipped.count} records on {topic} do not belong there and are skipped; the first one is at offset "
            f"{skipped.offset} of partition {skipped.partition.partition}: {skipped.reason}",
            f"find their sender, and let only agents and tools write to {topic} (ACLs)",
        )
