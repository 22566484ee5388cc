"""The owner of topics: the first claim counts, a second environment is refused with the remedy."""

import pytest

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.contract import resolve_node
from onex.errors import ConfigurationError, ProvisioningError
from onex.model.topic import environment_topic
from onex.provisioning.declared import declare
from onex.provisioning.environment import EnvironmentLog, require_environment
from onex.provisioning.provision import Plan, apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue
from tests.conftest import NODES

NODE = NODES / "node_tally_reducer" / "v1_0_0"


class Cluster:
    """An in-memory cluster, to which tests apply environments."""

    def __init__(self) -> None:
        self.bus = MemoryEventBus(MemoryBroker(lambda: 0))

    def plan(self, env: str, prefix: str = "") -> Plan:
        declared = declare([resolve_node(NODE, prefix)], 1, env=env, prefix=prefix)
        return make_plan(declared, self.bus, TopicCatalogue(self.bus, prefix))

    def apply(self, env: str, prefix: str = "", plan: Plan | None = None) -> None:
        declared = declare([resolve_node(NODE, prefix)], 1, env=env, prefix=prefix)
        catalogue = TopicCatalogue(self.bus, prefix)
        apply_plan(plan or make_plan(declared, self.bus, catalogue), declared, self.bus, catalogue)

    def owner(self, prefix: str = "") -> str:
        owner = EnvironmentLog(self.bus, prefix).owner()
        return owner.env if owner else ""


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_first_environment_owns_the_topics(cluster: Cluster) -> None:
    require_environment(cluster.bus, "dev", "")
    first = cluster.plan("dev").changes[0]
    assert (first.action, first.subject) == ("claim", "onex.environment.v1")
    cluster.apply("dev")
    assert cluster.plan("dev").changes == []
    assert cluster.owner() == "dev"
    require_environment(cluster.bus, "dev", "")


def test_a_second_environment_without_a_prefix_is_refused_with_the_remedy(cluster: Cluster) -> None:
    cluster.apply("dev")
    before = dict(cluster.bus.broker.topics)
    (refused,) = cluster.plan("staging").refused
    for text in ("belong to the environment 'dev'", "ONEX_ENV=dev", "ONEX_TOPIC_PREFIX='staging.'", "onex env adopt"):
        assert text in refused.detail
    with pytest.raises(ProvisioningError, match="ONEX_TOPIC_PREFIX='staging\\.'"):
        cluster.apply("staging")
    with pytest.raises(ConfigurationError, match="ONEX_TOPIC_PREFIX='staging\\.'"):
        require_environment(cluster.bus, "staging", "")
    assert (cluster.owner(), cluster.bus.broker.topics) == ("dev", before)


def test_prefixes_have_owners_of_their_own(cluster: Cluster) -> None:
    cluster.apply("dev")
    cluster.apply("staging", "staging.")
    cluster.apply("live", "live.")
    assert [cluster.owner(prefix) for prefix in ("", "staging.", "live.")] == ["dev", "staging", "live"]
    with pytest.raises(ProvisioningError, match="with the prefix 'live\\.' on this cluster belong to .*'live'"):
        cluster.apply("staging", "live.")


def test_of_two_that_apply_at_the_same_time_the_later_claim_is_refused(cluster: Cluster) -> None:
    first, second = cluster.plan("dev"), cluster.plan("staging")
    cluster.apply("dev", plan=first)
    before = dict(cluster.bus.broker.topics)
    with pytest.raises(ProvisioningError, match="belong to the environment 'dev'"):
        cluster.apply("staging", plan=second)
    assert cluster.owner() == "dev"
    assert cluster.bus.broker.topics == before
    cluster.apply("dev")


def test_a_claim_that_was_not_finished_is_made_by_the_next_apply(cluster: Cluster) -> None:
    topic = environment_topic()
    cluster.bus.admin.create([TopicState(topic, 1, 1, {})])
    cluster.apply("dev")
    assert cluster.owner() == "dev"


@pytest.mark.parametrize(
    "junk",
    [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        b"7",
        b'"claim"',
        b"{}",
        b'{"action": "claim"}',
        b'{"action": "claim", "env": 7}',
        b'{"action": "claim", "env": ""}',
        b'{"action": "other", "env": "evil"}',
        b"[" * 100_000,
    ],
)
def test_junk_is_no_claim(cluster: Cluster, junk: bytes | None) -> None:
    topic = environment_topic()
    cluster.bus.admin.create([TopicState(topic, 1, 1, {})])
    cluster.bus.publish(Outgoing(topic, junk, None, []))
    assert cluster.owner() == ""
    cluster.apply("dev")
    cluster.bus.publish(Outgoing(topic, junk, None, []))
    log = EnvironmentLog(cluster.bus)
    assert log.owner() is not None
    assert log.skipped.counts[topic] == 2
    with pytest.raises(ConfigurationError):
        require_environment(cluster.bus, "staging", "")


def test_a_cluster_from_before_there_were_claims_is_known_by_its_groups(cluster: Cluster) -> None:
    contract = resolve_node(NODE).contract
    topic = next(iter(resolve_node(NODE).routes))
    cluster.bus.admin.create([TopicState(topic, 4, 1, {})])
    consumer = cluster.bus.subscribe(contract.group("dev"), [topic])
    cluster.bus.subscribe("someone-elses", [topic])
    with pytest.raises(ProvisioningError, match=r"'dev'.*its group dev\.node_tally_reducer\.consume\.v1"):
        cluster.apply("staging")
    log = EnvironmentLog(cluster.bus)
    assert log.running("dev") == [contract.group("dev")]
    consumer.close()
    assert log.running("dev") == []
    cluster.apply("dev")
    assert cluster.owner() == "dev"


def test_where_there_are_no_topics_groups_are_not_listed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that has just started cannot list them for a while, and no node has used it yet."""
    monkeypatch.setattr(cluster.bus.admin, "groups", lambda: pytest.fail("groups were asked for"))
    cluster.apply("dev")
    assert cluster.owner() == "dev"


def test_an_operator_hands_the_topics_over(cluster: Cluster) -> None:
    cluster.apply("dev")
    log = EnvironmentLog(cluster.bus)
    log.adopt("live", "ada", "dev was a trial")
    owner = log.owner()
    assert owner is not None
    assert (owner.env, owner.who, owner.why, owner.adopted) == ("live", "ada", "dev was a trial", True)
    assert cluster.plan("live").changes == []
    with pytest.raises(ConfigurationError, match="belong to the environment 'live'"):
        require_environment(cluster.bus, "dev", "")


def test_an_operator_may_adopt_before_the_first_apply(cluster: Cluster) -> None:
    EnvironmentLog(cluster.bus, "b.").adopt("live", "ada", "two environments wrote here")
    cluster.apply("live", "b.")
    assert cluster.plan("live", "b.").changes == []
