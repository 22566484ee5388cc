"""Topics and schemas from contracts: applying again changes nothing, and no change breaks a running mesh."""

import json
import re
from dataclasses import replace

import pytest
from node_tally_reducer.v1_0_0.models import Amount

from onex.agent.process.preflight import check_topics
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import CLUSTER_DEFAULT, Partition, TopicState
from onex.contract import resolve_node
from onex.errors import ConfigurationError, MissingTopicError, ProvisioningError, SchemaMismatchError
from onex.provisioning.declared import Declared, DeclaredSchema, DeclaredTopic, declare
from onex.provisioning.durability import weak_topics
from onex.provisioning.provision import Plan, apply_plan, make_plan
from onex.schema import avro_schema, subject_of
from onex.schema.avro_schema import Schema
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from tests.conftest import NODES, ORDERS

AMOUNT = "onex.evt.tally.amount.v1"


class Cluster:
    """An in-memory cluster and the declarations for it."""

    def __init__(self, declared: Declared) -> None:
        self.bus = MemoryEventBus(MemoryBroker(lambda: 0))
        self.declared = declared

    def plan(self, declared: Declared | None = None) -> Plan:
        return make_plan(declared or self.declared, self.bus, TopicCatalogue(self.bus))

    def apply(self, declared: Declared | None = None) -> None:
        wanted = declared or self.declared
        apply_plan(self.plan(wanted), wanted, self.bus, TopicCatalogue(self.bus))


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(declare([resolve_node(NODES / "node_tally_reducer" / "v1_0_0")], 1))
    cluster.apply()
    return cluster


def with_topic(declared: Declared, name: str, partitions: int, config: dict[str, str] | None = None) -> Declared:
    old = declared.topics[name]
    state = TopicState(name, partitions, 1, config if config is not None else old.state.config)
    return Declared(
        {**declared.topics, name: DeclaredTopic(state, old.declared_by, old.keyed_state)}, declared.schemas
    )


def with_schema(declared: Declared, subject: str, schema: Schema) -> Declared:
    return Declared(declared.topics, {**declared.schemas, subject: DeclaredSchema(subject, schema, "test")})


def test_a_second_apply_changes_nothing(cluster: Cluster) -> None:
    assert cluster.plan().changes == []


def test_everything_a_node_needs_is_declared(cluster: Cluster) -> None:
    assert {name for name, topic in cluster.declared.topics.items() if topic.declared_by != "the mesh"} == {
        "_schemas",
        AMOUNT,
        "onex.snapshot.tally.tallied.v1",
        "onex.state.node_tally_reducer.v1",
        "onex.retry.tally.reducer.v1",
        "onex.dlq.tally.reducer.v1",
    }
    assert cluster.declared.topics["onex.state.node_tally_reducer.v1"].state.config["cleanup.policy"] == "compact"


def test_partitions_under_keyed_state_do_not_grow(cluster: Cluster) -> None:
    plan = cluster.plan(with_topic(cluster.declared, AMOUNT, 8))
    assert [change.action for change in plan.changes] == ["refuse"]
    assert "keys would move" in plan.refused[0].detail
    with pytest.raises(ProvisioningError, match="keys would move"):
        cluster.apply(with_topic(cluster.declared, AMOUNT, 8))


def test_other_partitions_grow_and_never_shrink(cluster: Cluster) -> None:
    name = "onex.dlq.tally.reducer.v1"
    cluster.apply(with_topic(cluster.declared, name, 3))
    assert cluster.bus.admin.topics([name])[name].partitions == 3
    assert "cannot take partitions away" in cluster.plan().refused[0].detail


def test_settings_are_brought_in_line(cluster: Cluster) -> None:
    wanted = with_topic(cluster.declared, AMOUNT, 4, {"retention.ms": "5"})
    (change,) = cluster.plan(wanted).changes
    assert (change.action, change.detail) == ("alter", "retention.ms: 2592000000 -> 5")
    cluster.apply(wanted)
    assert cluster.plan(wanted).changes == []


def test_a_compatible_schema_becomes_the_next_version(cluster: Cluster) -> None:
    schema = json.loads(json.dumps(avro_schema(Amount)))
    schema["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    wanted = with_schema(cluster.declared, subject_of(AMOUNT), schema)
    (change,) = cluster.plan(wanted).changes
    assert (change.action, change.detail) == ("register", "version 2, from test")
    assert change.readers == (
        "new readers, old records: compatible; default used for note",
        "old readers, new records: compatible; note ignored",
    )
    cluster.apply(wanted)
    catalogue = TopicCatalogue(cluster.bus)
    assert [v.version for v in catalogue.versions([subject_of(AMOUNT)])[subject_of(AMOUNT)]] == [1, 2]
    assert catalogue.schema_of(catalogue.id_of(subject_of(AMOUNT), schema)) == schema


def test_an_incompatible_schema_is_refused_with_the_reason(cluster: Cluster) -> None:
    schema = json.loads(json.dumps(avro_schema(Amount)))
    schema["fields"].append({"name": "currency", "type": "string"})
    plan = cluster.plan(with_schema(cluster.declared, subject_of(AMOUNT), schema))
    assert "currency" in plan.refused[0].detail
    before = cluster.bus.broker.ends([Partition("_schemas", 0)])
    with pytest.raises(ProvisioningError):
        cluster.apply(with_schema(cluster.declared, subject_of(AMOUNT), schema))
    assert cluster.bus.broker.ends([Partition("_schemas", 0)]) == before


def test_equal_schemas_share_an_id_and_unknown_ones_are_refused(cluster: Cluster) -> None:
    catalogue = TopicCatalogue(cluster.bus)
    first = catalogue.register({"other-value": avro_schema(Amount)})["other-value"]
    assert first.id == catalogue.id_of(subject_of(AMOUNT), avro_schema(Amount))
    with pytest.raises(SchemaMismatchError, match="onex apply"):
        catalogue.id_of("nobody-value", avro_schema(Amount))
    with pytest.raises(SchemaMismatchError, match="4711 is unknown"):
        catalogue.schema_of(4711)


def test_the_catalogue_is_in_confluents_record_format(cluster: Cluster) -> None:
    log = cluster.bus.broker.logs[Partition("_schemas", 0)]
    key, value = json.loads(log.records[0].key() or b""), json.loads(log.records[0].value() or b"")
    assert set(key) == {"keytype", "subject", "version", "magic"}
    assert set(value) == {"subject", "version", "id", "schema", "deleted"}
    assert (key["keytype"], key["magic"], value["deleted"]) == ("SCHEMA", 1, False)


def test_contracts_that_contradict_each_other_are_refused() -> None:
    nodes = [resolve_node(folder) for folder in sorted(ORDERS.glob("*/v1_0_0"))]
    wide = nodes[0].contract.event_bus.topic_config.model_copy(update={"partitions": 9})
    bus = nodes[0].contract.event_bus.model_copy(update={"topic_config": wide})

    odd = replace(
        nodes[0], contract=nodes[0].contract.model_copy(update={"event_bus": bus, "name": "node_odd_reducer"})
    )
    with pytest.raises(ProvisioningError, match="wants 4 partitions"):
        declare([*nodes, odd], 1)


def test_keyed_state_needs_the_same_number_of_partitions_everywhere(cluster: Cluster) -> None:
    node = resolve_node(NODES / "node_tally_reducer" / "v1_0_0")
    check_topics(cluster.bus, node)
    cluster.bus.admin.grow(AMOUNT, 8)
    with pytest.raises(ConfigurationError, match=f"{AMOUNT} has 8"):
        check_topics(cluster.bus, node)
    cluster.bus.admin.delete(node.contract.retry_topic)
    with pytest.raises(MissingTopicError, match=node.contract.retry_topic):
        check_topics(cluster.bus, node)


@pytest.mark.parametrize(
    ("replicas", "in_sync", "is_weak"), [(1, 1, True), (3, 1, True), (2, 2, True), (3, 2, False), (5, 3, False)]
)
def test_topics_that_one_broker_can_lose_are_named(replicas: int, in_sync: int, is_weak: bool) -> None:
    topic = TopicState(AMOUNT, 4, replicas, {}, min_insync_replicas=in_sync)
    assert (f"{AMOUNT} ({replicas} and {in_sync})" in weak_topics([topic])) is is_weak


def test_many_weak_topics_are_counted() -> None:
    warning = weak_topics([TopicState(f"t{number}", 1, 1, {}) for number in range(9)])
    assert warning.endswith("t0 (1 and 0), t1 (1 and 0), t2 (1 and 0) and 6 more")
    assert not weak_topics([])


def test_replication_is_the_clusters_unless_a_contract_or_the_setting_says_more() -> None:
    node = resolve_node(NODES / "node_tally_reducer" / "v1_0_0")
    assert Settings().replication_factor == CLUSTER_DEFAULT
    declared = declare([node], CLUSTER_DEFAULT)
    assert {topic.state.replication_factor for topic in declared.topics.values()} == {CLUSTER_DEFAULT}
    assert {topic.state.replication_factor for topic in declare([node], 3).topics.values()} == {3}
    cluster = Cluster(declared)
    assert "replication as the cluster's default" in cluster.plan().changes[0].detail
    cluster.apply()
    assert cluster.plan().changes == []
    assert cluster.bus.admin.topics([AMOUNT])[AMOUNT].replication_factor == 1


@pytest.mark.parametrize("wrong", [0, -2])
def test_a_replication_factor_that_is_none_is_refused(wrong: int) -> None:
    with pytest.raises(ConfigurationError, match="replication_factor"):
        Settings.load(replication_factor=wrong)


@pytest.mark.parametrize("partitions", [5, 9])
def test_inputs_that_an_operator_grew_need_the_same_number_of_retry_partitions(partitions: int) -> None:
    node = resolve_node(NODES / "node_unruly_effect" / "v1_0_0")
    cluster = Cluster(declare([node], 1))
    cluster.apply()
    check_topics(cluster.bus, node)
    topic, retry = next(iter(node.routes)), node.contract.retry_topic
    cluster.bus.admin.grow(topic, partitions)
    remedy = (
        f"{topic} has {partitions}: set event_bus.topic_config.partitions of {node.contract.name} to {partitions}"
    )
    with pytest.raises(ConfigurationError, match=re.escape(remedy)):
        check_topics(cluster.bus, node)
    refused = [change for change in cluster.plan().refused if change.subject == topic]
    assert f"set event_bus.topic_config.partitions to {partitions} in {node.contract.name}" in refused[0].detail
    wanted = node.contract.event_bus.topic_config.model_copy(update={"partitions": partitions})
    bus = node.contract.event_bus.model_copy(update={"topic_config": wanted})
    followed = replace(node, contract=node.contract.model_copy(update={"event_bus": bus}))
    cluster.apply(declare([followed], 1))
    assert cluster.bus.admin.topics([retry])[retry].partitions == partitions
    check_topics(cluster.bus, followed)
