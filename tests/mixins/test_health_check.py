"""MixinHealthCheck."""

import asyncio

import pytest
from pydantic import ValidationError

from onex.capability import HealthCheck, HealthChecks, Reports
from onex.capability.health import AlwaysReady, EnumCheckKind
from onex.errors import CompositionError
from onex.mixins.health_check import HealthFacts, MixinHealthCheck, ModelHealthCheckSubcontract
from onex.mixins.health_check.engine import HealthCheckEngine
from onex.model.mesh import EnumHealth
from onex.node import NodeCompute, NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import Note, container
from tests.mixins.virtual import play


class Patient:
    """A probe with an outcome and a duration."""

    def __init__(self, *, took: float = 0.0) -> None:
        self.wrong: str | None = None
        self.took = took
        self.asked: list[float] = []
        self.clock: ManualClock | None = None

    async def probe(self) -> bool:
        if self.clock:
            self.asked.append(self.clock.monotonic())
        await asyncio.sleep(self.took)
        if self.wrong == "no":
            return False
        if self.wrong is not None:
            raise ConnectionError(self.wrong)
        return True


class Ward:
    """An engine with its services."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        self.checks = HealthChecks()
        self.reasons: dict[str, str] = {}
        self.degraded: dict[str, str] = {}
        self.told: list[tuple[str, str, str]] = []
        model = ModelHealthCheckSubcontract.model_validate(settings)
        self.engine = HealthCheckEngine(model, self.clock, self.checks, self, lambda *told: self.told.append(told))

    def complain(self, about: str, reason: str) -> bool:
        self.reasons[about] = reason
        return True

    def degrade(self, about: str, reason: str) -> bool:
        self.reasons.pop(about, None)
        self.degraded[about] = reason
        return True

    def clear(self, about: str) -> bool:
        self.degraded.pop(about, None)
        return self.reasons.pop(about, None) is not None

    def add(
        self,
        patient: Patient,
        name: str = "bank",
        kind: EnumCheckKind = EnumCheckKind.DEPENDENCY,
        critical: bool = True,
    ) -> Patient:
        patient.clock = self.clock
        self.checks.add(HealthCheck(name, patient.probe, kind, critical=critical))
        return patient

    def rounds(self, count: int) -> list[EnumHealth]:
        return [play(self.engine.check_now(), self.clock).state for _ in range(count)]

    def look(self) -> HealthFacts:
        return play(self.engine.check_now(), self.clock)


GOOD, WORSE, BAD = EnumHealth.HEALTHY, EnumHealth.DEGRADED, EnumHealth.UNHEALTHY


@pytest.mark.enforces("health_check.failure_threshold", "health_check.recovery_threshold")
def test_a_single_result_changes_nothing() -> None:
    ward = Ward(failure_threshold=3, recovery_threshold=2)
    bank = ward.add(Patient())
    assert ward.rounds(1) == [GOOD]
    bank.wrong = "closed"
    assert ward.rounds(3) == [GOOD, GOOD, BAD]
    assert ward.reasons == {"health": "bank: closed"}
    assert not ward.engine.is_healthy()
    bank.wrong = None
    assert ward.rounds(1) == [BAD]
    bank.wrong = "closed again"
    assert ward.rounds(1) == [BAD]
    bank.wrong = None
    assert ward.rounds(2) == [BAD, GOOD]
    assert ward.reasons == {}
    assert ward.engine.is_healthy()


def test_the_first_result_counts_immediately() -> None:
    ward = Ward()
    ward.add(Patient()).wrong = "closed"
    assert ward.rounds(1) == [BAD]


def test_other_checks_degrade_and_false_is_a_failure() -> None:
    ward = Ward(recovery_threshold=1)
    mirror = ward.add(Patient(), "mirror", critical=False)
    mirror.wrong = "no"
    facts = ward.look()
    assert (facts.state, facts.reason) == (WORSE, "mirror: the probe returned False")
    assert ward.engine.is_healthy()
    assert ward.reasons == {}
    assert ward.told == [("health", WORSE, "mirror: the probe returned False")]
    assert ward.degraded == {"health": "mirror: the probe returned False"}
    assert ward.engine.reported_metrics() == {"healthy": 0.0, "failing": 1.0}
    mirror.wrong = None
    ward.look()
    assert ward.degraded == {}


def test_an_error_without_words_has_its_name() -> None:
    ward = Ward()
    ward.add(Patient()).wrong = ""
    assert ward.look().reason == "bank: ConnectionError"


@pytest.mark.enforces("health_check.health_check_timeout_ms")
def test_a_check_that_takes_too_long_has_failed() -> None:
    ward = Ward(health_check_timeout_ms=200)
    ward.add(Patient(took=0.3))
    facts = ward.look()
    assert facts.reason == "bank: no result within 0.2 s"
    assert facts.checks["bank"].seconds == pytest.approx(0.2)
    patient = Ward(health_check_timeout_ms=500)
    patient.add(Patient(took=0.3))
    assert patient.look().state is GOOD


@pytest.mark.enforces("health_check.enable_async_checks")
@pytest.mark.parametrize(("at_once", "began"), [(True, [0.0, 0.0]), (False, [0.0, 1.0])])
def test_checks_run_together_or_in_turn(at_once: bool, began: list[float]) -> None:
    ward = Ward(enable_async_checks=at_once)
    start = ward.clock.monotonic()
    patients = [ward.add(Patient(took=1.0), name) for name in ("one", "two")]
    ward.look()
    assert [patient.asked[0] - start for patient in patients] == began


@pytest.mark.enforces("health_check.include_dependency_checks", "health_check.include_component_checks")
def test_kinds_of_checks_can_be_left_out() -> None:
    for left_out, kept in (("include_dependency_checks", "part"), ("include_component_checks", "bank")):
        ward = Ward(**{left_out: False})
        ward.add(Patient())
        ward.add(Patient(), "part", EnumCheckKind.COMPONENT)
        assert list(ward.look().checks) == [kept]


@pytest.mark.enforces("health_check.aggregate_check_results")
def test_each_check_may_speak_for_itself() -> None:
    ward = Ward(aggregate_check_results=False)
    ward.add(Patient()).wrong = "closed"
    ward.add(Patient(), "mail").wrong = "down"
    ward.add(Patient(), "mirror", critical=False).wrong = "old"
    ward.add(Patient(), "fine")
    ward.look()
    assert ward.reasons == {"health bank": "closed", "health mail": "down"}
    assert ward.told == [
        ("health bank", BAD, "closed"),
        ("health mail", BAD, "down"),
        ("health mirror", WORSE, "old"),
    ]
    together = Ward()
    together.add(Patient()).wrong = "closed"
    together.look()
    assert together.told == [("health", BAD, "bank: closed")]


@pytest.mark.enforces("health_check.emit_health_events")
def test_events_can_be_switched_off() -> None:
    ward = Ward(emit_health_events=False)
    ward.add(Patient()).wrong = "closed"
    assert ward.rounds(2) == [BAD, BAD]
    assert ward.told == []


@pytest.mark.enforces("health_check.health_check_interval_ms", "health_check.health_status_ttl_seconds")
def test_rounds_run_at_intervals_and_results_expire() -> None:
    ward = Ward(health_check_interval_ms=2000, health_status_ttl_seconds=5)
    bank = ward.add(Patient())

    async def live() -> None:
        start = ward.clock.monotonic()
        await ward.engine.open()
        await asyncio.sleep(5)
        await ward.engine.close()
        assert [at - start for at in bank.asked] == [0.0, 2.0, 4.0]
        await asyncio.sleep(5.5)
        assert ward.engine.is_healthy(), "6.5 s after the last answer: due after 2, kept for 5"
        await asyncio.sleep(1)
        assert ward.engine.facts().reason == "bank: no result for too long"
        assert len(bank.asked) == 3
        await ward.engine.close()

    play(live(), ward.clock)


def test_names_are_unique_and_checks_can_be_taken_out() -> None:
    ward = Ward()
    ward.engine.register("bank", Patient().probe, critical=False)
    with pytest.raises(CompositionError, match="health check 'bank' exists already"):
        ward.engine.register("bank", Patient().probe)
    ward.checks.remove("bank")
    ward.checks.remove("never there")
    assert ward.look().checks == {}


def test_a_node_reports_to_the_mesh() -> None:
    class Node(MixinHealthCheck, NodeEffect):
        pass

    node = Node()
    node.container = container()

    async def closed() -> None:
        raise ConnectionError("closed")

    node.health.register("bank", closed)
    assert play(node.health.check_now()).state is BAD
    (report,) = node.container.get(Reports).take()
    assert (report.capability, report.subject, report.event) == ("health_check", "health", "unhealthy")


def test_a_node_without_an_agent_ignores_complaints() -> None:
    assert not AlwaysReady().complain("health", "bad")
    assert not AlwaysReady().degrade("health", "bad")
    assert not AlwaysReady().clear("health")


COMPONENTS = {"components": [{"name": "bank", "critical": False, "timeout_seconds": 0.2}, {"name": "press"}]}


class Branch(MixinHealthCheck, NodeCompute[Note, Note]):
    """A node with a check of its own for each component, of a kind that has no start."""

    def __init__(self) -> None:
        super().__init__()
        self.bank, self.press = Patient(), Patient()

    async def check_bank(self) -> bool:
        return await self.bank.probe()

    async def check_press(self) -> bool:
        return await self.press.probe()

    def compute(self, request: Note) -> Note:
        return request


def branch() -> tuple[Branch, ManualClock]:
    clock, node = ManualClock(), Branch()
    node.container = container(ModelHealthCheckSubcontract.model_validate(COMPONENTS), clock=clock)
    return node, clock


@pytest.mark.enforces("health_check.components", "health_check.components.name", "health_check.components.critical")
def test_a_component_is_checked_by_the_method_of_the_node() -> None:
    node, clock = branch()
    assert play(node.health.check_now(), clock).state is GOOD
    node.bank.wrong = "closed"
    facts = play(node.health.check_now(), clock)
    assert facts.state is GOOD, "a single result changes nothing"
    for _ in range(2):
        facts = play(node.health.check_now(), clock)
    assert (facts.state, facts.reason) == (WORSE, "bank: closed")
    assert facts.checks["bank"].kind is EnumCheckKind.COMPONENT
    other, clock = branch()
    other.press.wrong = "jammed"
    facts = play(other.health.check_now(), clock)
    assert (facts.state, facts.reason) == (BAD, "press: jammed")


@pytest.mark.enforces("health_check.components.timeout_seconds")
def test_a_component_has_its_own_time_limit() -> None:
    node, clock = branch()
    node.bank.took = node.press.took = 0.3
    facts = play(node.health.check_now(), clock)
    assert (facts.state, facts.reason) == (WORSE, "bank: no result within 0.2 s")


def test_a_component_changes_the_check_of_a_capability() -> None:
    ward = Ward(**COMPONENTS)
    ward.add(Patient(took=0.3))
    ward.add(Patient(), "press")
    facts = ward.look()
    assert (facts.state, facts.reason) == (WORSE, "bank: no result within 0.2 s")
    assert facts.checks["bank"].kind is EnumCheckKind.DEPENDENCY


def test_a_component_that_says_nothing_leaves_the_check_as_critical_as_it_is() -> None:
    ward = Ward(components=[{"name": "database"}])
    ward.add(Patient(), "database", critical=False).wrong = "away"
    assert ward.look().state is WORSE
    node = Branch()
    settings = ModelHealthCheckSubcontract.model_validate({"components": [{"name": "database", "critical": False}]})
    node.container = container(settings)
    checks = node.container.get(HealthChecks)
    checks.add(HealthCheck("database", Patient().probe))
    checks.add(HealthCheck("bank", Patient().probe))
    assert node.health
    assert {name: check.critical for name, check in checks.all.items()} == {"database": False, "bank": True}


def test_a_component_without_a_check_fails_once_the_node_has_started() -> None:
    ward = Ward(**COMPONENTS, health_check_interval_ms=4_000)
    assert ward.look().reason == (
        "bank: no check of bank: write `async def check_bank(self) -> bool`, or register one; "
        "press: no check of press: write `async def check_press(self) -> bool`, or register one"
    )
    ward = Ward(**COMPONENTS, health_check_interval_ms=4_000)

    async def live() -> None:
        await ward.engine.open()
        await asyncio.sleep(5)
        assert ward.engine.facts().checks == {}, "checks may be registered while the node starts"
        ward.engine.register("press", Patient().probe)
        await asyncio.sleep(8)
        assert list(ward.engine.facts().checks) == ["press", "bank"]
        assert ward.engine.facts().state is WORSE
        await ward.engine.close()

    play(live(), ward.clock)


def test_a_check_of_a_capability_with_a_dot_in_its_name_can_be_listed() -> None:
    listed = [{"name": "docker.disk", "critical": False}, {"name": "webhook.Shop-1"}]
    ward = Ward(components=listed)
    ward.add(Patient(), "docker.disk").wrong = "full"
    facts = ward.look()
    disk = facts.checks["docker.disk"]
    assert (disk.kind, disk.critical) == (EnumCheckKind.DEPENDENCY, False)
    missing = "no check of webhook.Shop-1: add the capability that has it, or register one"
    assert facts.reason == f"docker.disk: full; webhook.Shop-1: {missing}"
    for name in (".disk", "docker.", "docker..", "docker. disk", "Docker.disk", "docker.disk\n"):
        with pytest.raises(ValidationError, match="pattern"):
            ModelHealthCheckSubcontract.model_validate({"components": [{"name": name}]})


def test_two_components_have_two_names() -> None:
    with pytest.raises(ValidationError, match="components has bank twice"):
        ModelHealthCheckSubcontract.model_validate({"components": [{"name": "bank"}, {"name": "bank"}]})
