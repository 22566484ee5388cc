"""Capabilities on pure nodes, and the services that are composed of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import structlog
from node_gate_compute.v1_0_0.models import Entered
from node_high_performance_compute.v1_0_0.models import Spell
from node_high_performance_compute.v1_0_0.node import NodeHighPerformanceCompute
from node_robust_compute.v1_0_0.models import ComputationCompleted, Square, Squared
from node_robust_compute.v1_0_0.node import NodeRobustCompute
from node_secure_orchestrator.v1_0_0.models import ReleasePayout, RequestPayout

from onex.capability import AddedOutputs, is_pure
from onex.capability.composition import without_effect
from onex.contract import load_contract, resolve_node
from onex.errors import CompositionError, ContractError, RejectedError
from onex.mixins.audit_log import problems_of
from onex.mixins.caching import MixinCaching
from onex.mixins.caching.arguments import call_key
from onex.mixins.event_bus import MixinEventBus, ModelEventBusSubcontract
from onex.mixins.event_bus.pure import PureEventBusEngine
from onex.mixins.retry import MixinRetry
from onex.model.enums import EnumNodeKind
from onex.model.mesh import AUDIT_TOPICS, AuditRecorded
from onex.node import Message, NodeEffect, NodeReducer
from onex.testing import Case, MeshDriver, load_cases, run_case
from onex.testing.run_case import header_pairs
from tests.conftest import NODES
from tests.mixins.helpers import Note, contract_file

ROBUST = NODES / "node_robust_compute" / "v1_0_0"
SERVICES = [
    ROBUST,
    NODES / "node_high_performance_compute" / "v1_0_0",
    NODES / "node_fault_tolerant_effect" / "v1_0_0",
    NODES / "node_secure_orchestrator" / "v1_0_0",
]
CASES = [(folder, case) for folder in SERVICES for case in load_cases(folder)]


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeRobustCompute.computed.clear()
    driver = MeshDriver([ROBUST])
    yield driver
    driver.close()


@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{f.parent.name}: {c.name}" for f, c in CASES])
def test_services_of_capabilities_do_what_their_cases_say(folder: Path, case: Case) -> None:
    virtual = load_contract(folder).node_type is not EnumNodeKind.EFFECT
    assert run_case(folder, case, virtual_time=virtual) == ""


def test_the_secure_service_records_who_did_what_and_its_state_is_encrypted() -> None:
    cases = {case.name: case for case in load_cases(SERVICES[3])}
    ann, bob = (cases[name].headers for name in ("a clerk requests a payout", "only a requested payout is released"))
    driver = MeshDriver([SERVICES[3]])
    try:
        request = RequestPayout(payout="p-1", amount=1200, account="NL91ABNA0417164300")
        driver.send(request, headers=header_pairs(ann))
        (state,) = driver.records(driver.nodes[0].contract.changelog_topic)
        assert b"p-1" in (state.key() or b"")
        assert b"NL91" not in (state.value() or b"")
        driver.send(ReleasePayout(payout="p-1"), headers=header_pairs(ann))
        driver.send(ReleasePayout(payout="p-1"), headers=header_pairs(bob))
        entries = [entry for _, entry in driver.messages(AuditRecorded, AUDIT_TOPICS[AuditRecorded])]
    finally:
        driver.close()
    assert list(problems_of(entries)) == []
    told = [(entry.what, entry.outcome, entry.who) for entry in sorted(entries, key=lambda entry: entry.number)]
    assert told == [
        ("RequestPayout", "done", "ann"),
        ("ReleasePayout", "refused", "ann"),
        ("payout released", "recorded", "bob"),
        ("ReleasePayout", "done", "bob"),
    ]
    assert "1200" in entries[0].facts
    assert not any("NL91" in entry.facts for entry in entries), "the account is redacted"


def test_a_pure_result_is_computed_once_and_its_event_is_published_each_time(mesh: MeshDriver) -> None:
    for name in ("a", "b"):
        sent = mesh.send(Square(name=name, number=3))
        assert mesh.published(Squared, sent) == [Squared(name=name, result=9)]
        assert mesh.published(ComputationCompleted, sent) == [ComputationCompleted(name=name, number=3)]
    mesh.send(Square(name="c", number=5))
    mesh.send(Square(name="d", number=6))
    mesh.send(Square(name="e", number=3))
    assert NodeRobustCompute.computed == [3, 5, 6, 3], "two entries fit into the cache"


def test_a_failure_is_not_remembered_and_a_pure_call_is_not_retried(mesh: MeshDriver) -> None:
    for name in ("a", "b"):
        assert mesh.dead_letter_of(mesh.send(Square(name=name, number=2_000_000)))["onex-dlq-class"] == "rejected"
    assert NodeRobustCompute.computed == [2_000_000, 2_000_000]


def test_a_retry_of_pure_calls_is_warned_of() -> None:
    resolved = resolve_node(ROBUST)
    idle = without_effect(resolved.node_class.capabilities, resolved.contract.node_type)
    assert [metadata.name for metadata in idle] == ["MixinRetry"]
    with structlog.testing.capture_logs() as logs:
        MeshDriver([ROBUST]).close()
    (warning,) = [line for line in logs if line["event"] == "capability without effect"]
    assert (warning["capability"], warning["log_level"]) == ("MixinRetry", "warning")
    effect = resolve_node(SERVICES[2])
    assert without_effect(effect.node_class.capabilities, effect.contract.node_type) == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_entries: 2", "ttl_seconds: 5", "subcontracts.caching.ttl_seconds: MixinCaching has no ttl_seconds"),
        (
            "enable_event_logging: false",
            "routing_key_strategy: broadcast",
            "subcontracts.event_bus.routing_key_strategy: MixinEventBus has no routing_key_strategy",
        ),
    ],
)
def test_fields_that_only_effects_have_are_refused_with_their_place(old: str, new: str, words: str) -> None:
    text = (ROBUST / "contract.yaml").read_text()
    assert old in text
    with contract_file(ROBUST, text.replace(old, new)) as file, pytest.raises(ContractError) as refused:
        resolve_node(file, environment={})
    assert words in str(refused.value)
    assert "it is for EFFECT nodes" in str(refused.value)


def test_a_pure_node_has_no_values_that_outlive_a_message() -> None:
    class Pure(MixinCaching, MixinRetry, MixinEventBus, NodeReducer[Note]):
        pass

    node = Pure()
    for call in (
        lambda: node.cache.get("a", str),
        lambda: node.cache.put("a", "b"),
        lambda: node.cache.load("a", str, _answer),
        lambda: node.retry.call(_answer),
        lambda: node.event_bus.publish(Note(text="a")),
        lambda: node.event_bus.flush(),
        lambda: node.event_bus.subscribe(Note, print),
    ):
        with pytest.raises(CompositionError, match="is for EFFECT nodes; use "):
            call()
    with pytest.raises(CompositionError, match="Note can be published only while a handler of a pure node runs"):
        node.event_bus.emit(Note(text="a"))
    assert is_pure(node)
    assert not is_pure(object())


async def _answer() -> str:
    return "a"


def test_an_effect_remembers_pure_calls_and_emits_nothing() -> None:
    class Effect(MixinCaching, MixinRetry, MixinEventBus, NodeEffect):
        pass

    node = Effect()
    assert [node.cache.remember(_length, text="abc") for _ in range(2)] == [3, 3]
    assert node.cache.facts().hits == 1
    assert node.retry.call_pure(_length, "abcd") == 4
    with pytest.raises(CompositionError, match="Note: emit is for pure nodes"):
        node.event_bus.emit(Note(text="a"))


def _length(text: str) -> int:
    return len(text)


def test_events_of_pure_nodes_obey_their_settings() -> None:
    outputs = AddedOutputs()

    def emitted(event: Message, **settings: bool) -> list[Message]:
        bus = PureEventBusEngine(ModelEventBusSubcontract.model_validate(settings), outputs)
        _, added = outputs.during(bus.emit, event)
        assert bus.reported_metrics() == {"emitted": float(len(added))}
        return list(added)

    note = Note(text="a")
    wrong = Note.model_construct(text=7)  # type: ignore[arg-type]  # an event that was built without validation
    assert emitted(note) == [note]
    assert emitted(note, event_bus_enabled=False) == []
    assert emitted(wrong, enable_event_validation=False) == [wrong]
    with pytest.raises(RejectedError, match="Note is not valid"):
        emitted(wrong)
    assert outputs.during(list) == ([], []), "the call that failed left nothing"
    with structlog.testing.capture_logs() as logs:
        emitted(note)
        emitted(note, enable_event_logging=False)
    assert len(logs) == 1


@dataclass(frozen=True)
class Point:
    x: float


EAST = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
SAME = [
    (Note(text="a"), Note(text="a")),
    ([1, {"a": {2}}], [1, {"a": {2}}]),
    (Point(1.0), Point(1.0)),
    (frozenset({1}), frozenset({1})),
]
DIFFERENT = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    ((1,), [1]),
    (Decimal("1.0"), Decimal("1.00")),
    (EAST, datetime(2026, 1, 1, tzinfo=UTC)),
    (Point(0.0), Point(-0.0)),
    (Note(text="a"), Entered(name="a")),
    ({"a": 1}, {"a": 2}),
    ({1}, {1.0}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_arguments_have_one_key(one: object, other: object) -> None:
    assert call_key(_length, (one,), {}) == call_key(_length, (other,), {})


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_equal_arguments_that_are_not_the_same_have_two_keys(one: object, other: object) -> None:
    assert call_key(_length, (one,), {}) != call_key(_length, (other,), {})
    assert call_key(_length, (one,), {}) != call_key(repr, (one,), {})


def test_calls_without_a_key_are_refused() -> None:
    with pytest.raises(TypeError, match="is made again at each call; use a method"):
        call_key(lambda: 1, (), {})
    with pytest.raises(TypeError, match="a bytearray cannot be a part of a key"):
        call_key(_length, (bytearray(b"a"),), {})
    assert call_key(partial(_length, "a"), (Note,), {}) is not None


def test_a_message_is_remembered_whole() -> None:
    driver = MeshDriver([SERVICES[1]])
    try:
        for text in ("abc", "abc", "xyz"):
            driver.send(Spell(text=text))
        (instance,) = driver.instances_of(NodeHighPerformanceCompute)
        node = instance.node
        assert isinstance(node, NodeHighPerformanceCompute)
        assert (node.cache.facts().hits, node.cache.facts().misses) == (1, 2)
        assert node.profiler.sections()["spell"].count == 2
    finally:
        driver.close()
