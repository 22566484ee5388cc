"""MixinPerformanceMonitoring and the objectives of MixinMetrics: compliance, error budgets, burn rates."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace

import pytest
from node_gate_compute.v1_0_0.models import Enter
from node_vault_effect.v1_0_0.models import Fetch
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from onex.agent.telemetry.metrics import AgentMetrics
from onex.capability.composition import Composition
from onex.codegen.declared_metrics import panels_of_declared_metrics, panels_of_objectives
from onex.contract import resolve_node
from onex.errors import CompositionError, ContractError, NodeUseError
from onex.mixins.alerting import AlertFacts, ProtocolAlerting
from onex.mixins.metrics import (
    ModelMetricsSubcontract,
    ModelObjective,
    ObjectiveFacts,
)
from onex.mixins.performance_monitoring import MixinPerformanceMonitoring, ModelPerformanceMonitoringSubcontract
from onex.model.message import Message
from onex.node import NodeCompute, NodeEffect
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.helpers import IDENTITY, Note, container, contract_file
from tests.mixins.virtual import play

UP: Mapping[str, object] = {"name": "up", "kind": "availability", "target": 0.99}
FAST: Mapping[str, object] = {"name": "fast", "kind": "latency", "target": 0.9, "threshold_seconds": 0.05}
BOUNDS = "0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60"
KEYS = {"compliance", "budget_remaining", "burn_rate", "burn_rate_short", "burn_rate_long", "window_covered"}


class NodeShopEffect(MixinPerformanceMonitoring, NodeEffect):
    """Sells."""


class NodeShopCompute(MixinPerformanceMonitoring, NodeCompute[Note, Note]):
    """Counts."""


class Level:
    """A node with objectives, and the metrics of its agent, which a test moves."""

    def __init__(self, *objectives: Mapping[str, object]) -> None:
        self.clock = ManualClock()
        self.agent = AgentMetrics(IDENTITY.name)
        self.node = NodeShopEffect()
        settings = ModelPerformanceMonitoringSubcontract.model_validate({"objectives": objectives})
        self.node.container = container(self.agent.registry, settings, clock=self.clock)
        self.composition = Composition(self.node)
        self.agent.capabilities.follow(self.composition.reported_metrics)

    def facts(self) -> ObjectiveFacts:
        (facts,) = self.node.metrics.objectives()
        return facts

    def figure(self, name: str) -> float | None:
        labels = {"node": IDENTITY.name, "capability": "metrics", "figure": name}
        return self.agent.registry.get_sample_value("onex_capability", labels)

    def handle(self, *seconds: float, dead: int = 0) -> None:
        self.agent.received.inc(len(seconds))
        for each in seconds:
            self.agent.process_seconds.observe(each)
        for _ in range(dead):
            self.agent.dead("bug")

    def play(self, live: Callable[[], Coroutine[None, None, None]]) -> None:
        async def whole() -> None:
            await self.composition.start()
            await live()
            await self.composition.stop()

        play(whole(), self.clock)


@pytest.mark.enforces(
    "metrics.objectives.name",
    "metrics.objectives.target",
    "metrics.objectives.window_seconds",
    "metrics.objectives.long_window_seconds",
    "metrics.objectives.short_window_seconds",
    "performance_monitoring.objectives",
    "performance_monitoring.objectives.name",
    "performance_monitoring.objectives.target",
    "performance_monitoring.objectives.window_seconds",
    "performance_monitoring.objectives.long_window_seconds",
    "performance_monitoring.objectives.short_window_seconds",
)
def test_bad_messages_use_the_budget_until_they_leave_each_window() -> None:
    level = Level({**UP, "window_seconds": 7_200, "long_window_seconds": 3_600, "short_window_seconds": 300})
    level.handle(0.1, dead=1)  # before it begins to measure

    async def live() -> None:
        assert level.facts() == ObjectiveFacts("up", 0.99, 0, 0, 1, 1, 0, 0, 0)
        level.handle(*[0.1] * 200, dead=1)
        await asyncio.sleep(6)
        facts = level.facts()
        assert (facts.name, facts.target, facts.total, facts.bad) == ("up", 0.99, 200, 1)
        assert facts.compliance == pytest.approx(0.995)
        assert facts.budget_remaining == pytest.approx(0.5)
        assert (facts.burn_rate_short, facts.burn_rate_long, facts.burn_rate) == pytest.approx((0.5, 0.5, 0.5))
        assert facts.is_met
        level.handle(*[0.1] * 200, dead=11)
        await asyncio.sleep(6)
        facts = level.facts()
        assert facts.compliance == pytest.approx(0.97)
        assert facts.budget_remaining == pytest.approx(-2)
        assert not facts.is_met
        assert {name: level.figure(f"objective_up_{name}") for name in KEYS} == {
            name: getattr(facts, name) for name in KEYS
        }
        assert level.figure("objective_up_window_covered") == pytest.approx(10 / 7_200)
        await asyncio.sleep(310)
        facts = level.facts()
        assert facts.burn_rate_short == 0
        assert facts.burn_rate_long == pytest.approx(3)
        assert facts.burn_rate == 0, "a problem that goes on no longer needs no alert"
        await asyncio.sleep(3_420)
        facts = level.facts()
        assert (facts.burn_rate_long, facts.bad) == (0, 12)
        await asyncio.sleep(3_600)
        assert level.facts() == ObjectiveFacts("up", 0.99, 0, 0, 1, 1, 0, 0, 1)

    level.play(live)


@pytest.mark.enforces(
    "metrics.objectives.kind",
    "metrics.objectives.threshold_seconds",
    "performance_monitoring.objectives.kind",
    "performance_monitoring.objectives.threshold_seconds",
)
def test_the_latency_of_messages_is_compared_with_the_threshold() -> None:
    level = Level(FAST)

    async def live() -> None:
        level.handle(*[0.05] * 18, 0.0501, 90.0, dead=7)
        level.agent.queue_seconds.observe(40.0)
        level.agent.commit_seconds.observe(40.0)
        await asyncio.sleep(6)
        facts = level.facts()
        assert (facts.total, facts.bad) == (20, 2)
        assert (facts.compliance, facts.budget_remaining) == pytest.approx((0.9, 0))
        assert facts.burn_rate == pytest.approx(1)

    level.play(live)


@pytest.mark.enforces("metrics.objectives.min_messages", "performance_monitoring.objectives.min_messages")
@pytest.mark.parametrize(
    ("setting", "after_one", "after_three"),
    [({}, 1, 3), ({"min_messages": 20}, 5, 15), ({"min_messages": 1}, 50, 100)],
)
def test_one_bad_message_of_a_quiet_node_is_no_high_burn_rate(
    setting: Mapping[str, object], after_one: float, after_three: float
) -> None:
    level = Level({**UP, **setting})

    async def live() -> None:
        level.handle(0.1, 0.1, dead=1)
        await asyncio.sleep(6)
        facts = level.facts()
        assert (facts.burn_rate, facts.burn_rate_short, facts.burn_rate_long) == pytest.approx((after_one,) * 3)
        assert facts.budget_remaining == pytest.approx(-49), "compliance and budget are those of the messages"
        level.handle(0.1, dead=2)
        await asyncio.sleep(6)
        assert level.facts().burn_rate == pytest.approx(after_three)

    level.play(live)


def test_a_dead_letter_of_an_earlier_message_is_at_most_all_messages() -> None:
    level = Level({**UP, "target": 0.5})

    async def live() -> None:
        level.handle(dead=3)
        await asyncio.sleep(6)
        facts = level.facts()
        assert (facts.total, facts.bad, facts.compliance, facts.budget_remaining) == (3, 3, 0, -1)

    level.play(live)


def test_series_of_other_nodes_do_not_count() -> None:
    level = Level(UP, FAST)
    level.agent = AgentMetrics("node_other_effect")
    level.node.container = container(level.agent.registry, clock=level.clock)
    settings = ModelPerformanceMonitoringSubcontract.model_validate({"objectives": [UP, FAST]})
    level.node.container.registry.value(ModelPerformanceMonitoringSubcontract, settings)

    async def live() -> None:
        level.handle(1.0, 2.0, dead=1)
        await asyncio.sleep(6)
        assert [(facts.name, facts.total) for facts in level.node.metrics.objectives()] == [("up", 0), ("fast", 0)]

    level.play(live)


def test_a_node_without_an_agent_has_no_messages() -> None:
    settings = ModelPerformanceMonitoringSubcontract.model_validate({"objectives": [UP, FAST]})
    node = NodeShopEffect()
    node.container = container(settings)
    assert node.metrics.objectives() == ()

    async def live() -> None:
        composition = Composition(node)
        await composition.start()
        assert [(facts.total, facts.is_met) for facts in node.metrics.objectives()] == [(0, True)] * 2
        await composition.stop()
        await composition.stop()

    play(live())


def test_it_measures_again_after_a_restart_and_not_in_between() -> None:
    level = Level(UP)

    async def live() -> None:
        await level.composition.stop()
        level.handle(0.1, dead=1)
        await asyncio.sleep(60)
        assert level.facts().bad == 0
        await level.composition.start()
        level.handle(0.1)
        await asyncio.sleep(6)
        assert (level.facts().total, level.facts().bad) == (1, 0)

    level.play(live)


def test_only_the_series_of_objectives_are_read() -> None:
    level = Level(UP)
    scraped: list[str] = []
    level.agent.capabilities.follow(lambda: scraped.append("capabilities") or ())  # type: ignore[func-returns-value]

    async def live() -> None:
        await asyncio.sleep(60)
        assert scraped == [], "a scrape asks every capability, and costs more"

    level.play(live)


# -- configurations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": 0}, "greater than 0"),
        ({"target": 1}, "less than 1"),
        ({"target": 99.9}, "less than 1"),
        ({"target": float("nan")}, "target"),
        ({"window_seconds": 59}, "greater than or equal to 60"),
        ({"window_seconds": 2_592_001}, "less than or equal to 2592000"),
        ({"window_seconds": 1_800}, "window_seconds (1800) is below long_window_seconds (3600)"),
        ({"long_window_seconds": 299}, "long_window_seconds (299) is below short_window_seconds (300)"),
        ({"short_window_seconds": 59}, "greater than or equal to 60"),
        ({"name": "Up"}, "pattern"),
        ({"min_messages": 0}, "greater than or equal to 1"),
        ({"threshold_seconds": 0.1}, "up: threshold_seconds is for latency; remove it, or use kind: latency"),
        ({"kind": "latency"}, f"up: latency needs threshold_seconds, one of {BOUNDS}"),
        (
            {"kind": "latency", "threshold_seconds": 0.3},
            f"up: threshold_seconds (0.3) is no bucket of onex_stage_seconds; use one of {BOUNDS}",
        ),
    ],
)
def test_objectives_that_cannot_be_measured_are_refused(changes: Mapping[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ModelObjective.model_validate({**UP, **changes})
    assert words in str(refused.value)


@pytest.mark.enforces("metrics.objectives")
@pytest.mark.parametrize("model", [ModelMetricsSubcontract, ModelPerformanceMonitoringSubcontract])
def test_names_of_objectives_differ(
    model: type[ModelMetricsSubcontract] | type[ModelPerformanceMonitoringSubcontract],
) -> None:
    assert len(model.model_validate({"objectives": [UP, FAST]}).objectives) == 2
    with pytest.raises(ValidationError, match="objectives has up twice; keep one"):
        model.model_validate({"objectives": [UP, {**FAST, "name": "up"}]})


GATE = NODES / "node_gate_compute" / "v1_0_0"
VAULT = NODES / "node_vault_effect" / "v1_0_0"
LATENCY = "{name: fast, kind: latency, target: 0.9, threshold_seconds: 0.05}"


def with_mixin_lines(folder_text: str, *lines: str) -> str:
    """Return a contract with further lines in ``mixins``, which it may lack."""
    if "mixins:\n" not in folder_text:
        folder_text += "mixins:\n"
    return folder_text.replace("mixins:\n", "mixins:\n" + "".join(f"  {line}\n" for line in lines))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ["- name: MixinMetrics", "  config:", f"    objectives: [{LATENCY}]"],
            "mixins[0].config.objectives[0].kind",
        ),
        (
            [
                "- {name: MixinMetrics, config: {metrics_prefix: gate}}",
                "- name: MixinPerformanceMonitoring",
                f"  config: {{objectives: [{LATENCY}]}}",
            ],
            "mixins[1].config.objectives[0].kind",
        ),
    ],
)
def test_a_pure_node_has_no_latency_of_messages(lines: list[str], words: str) -> None:
    text = with_mixin_lines((GATE / "contract.yaml").read_text(), *lines)
    with contract_file(GATE, text) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    (problem,) = refused.value.problems
    assert problem.field == words
    assert problem.line == next(number for number, line in enumerate(text.splitlines(), 1) if LATENCY in line)
    assert problem.message == "fast: the agent of a COMPUTE measures the time of batches, and not of messages"
    assert problem.remedy == "use availability, or set the objective in an EFFECT"


def test_a_pure_node_without_a_contract_has_none_either() -> None:
    node = NodeShopCompute()
    node.container = container(ModelPerformanceMonitoringSubcontract.model_validate({"objectives": [UP, FAST]}))
    with pytest.raises(CompositionError, match=r"objectives\.1\.kind: fast: the agent of a COMPUTE .*; use avail"):
        _ = node.metrics


def test_results_of_a_pure_node_do_not_depend_on_its_objectives() -> None:
    node = NodeShopCompute()
    node.container = container(CollectorRegistry())
    with pytest.raises(NodeUseError, match="a COMPUTE is pure: its results must not depend on its objectives"):
        node.metrics.objectives()


def test_two_lists_of_objectives_are_refused() -> None:
    text = with_mixin_lines(
        (VAULT / "contract.yaml").read_text(),
        "- {name: MixinMetrics, config: {objectives: [{name: up, kind: availability, target: 0.9}]}}",
        "- {name: MixinPerformanceMonitoring, config: {objectives: [{name: up, kind: availability, target: 0.99}]}}",
    )
    with contract_file(VAULT, text) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    assert "performance_monitoring.objectives and metrics.objectives set different values" in str(refused.value)


# -- agents -----------------------------------------------------------------------------------------

RULE = """
        - name: BudgetBurns
          metric: onex_capability
          where: {capability: metrics, figure: objective_up_burn_rate}
          threshold: 14.4
          severity: critical
          annotations: {summary: "{labels.node} uses its error budget {value} times too fast"}
"""


@pytest.mark.parametrize("name", ["node_gate_compute", "node_vault_effect"])
def test_an_agent_measures_and_an_alert_compares_a_figure(name: str) -> None:
    folder = NODES / name / "v1_0_0"
    good: Message = Enter(name="a", age=30) if name == "node_gate_compute" else Fetch(name="a")
    text = with_mixin_lines(
        (folder / "contract.yaml").read_text(),
        "- name: MixinPerformanceMonitoring",
        "  config: {objectives: [{name: up, kind: availability, target: 0.99, min_messages: 1}]}",
        "- name: MixinAlerting",
        f"  config:\n      rules:{RULE}",
    )
    with contract_file(folder, text) as file:
        drives_the_loop = [] if folder == VAULT else [VAULT]  # only effects run the tasks of capabilities
        mesh = MeshDriver([resolve_node(file), *drives_the_loop])
    instance = mesh.instances[0]
    alerts: ProtocolAlerting = vars(instance.node)["alerts"]
    labels = {"node": name, "capability": "metrics"}

    def figure(which: str) -> float | None:
        figures = {**labels, "figure": f"objective_up_{which}"}
        return instance.metrics.registry.get_sample_value("onex_capability", figures)

    def fired() -> Sequence[AlertFacts]:
        """Return the alerts. The engine's own task scrapes on a thread, for which virtual time does not wait."""
        asyncio.run(alerts.tick())
        return alerts.facts()

    for _ in range(3):
        mesh.send(good)
    mesh.advance(15)
    assert (figure("compliance"), figure("burn_rate")) == (1, 0)
    assert fired() == []
    mesh.publish(mesh.topic_of(type(good)), b"no message", b"a", [])
    mesh.advance(30)
    assert (figure("compliance"), figure("burn_rate")) == pytest.approx((0.75, 25))
    (alert,) = fired()
    assert (alert.name, str(alert.state)) == ("BudgetBurns", "firing")
    assert alert.annotations["summary"] == f"{name} uses its error budget 25 times too fast"
    mesh.advance(330)
    assert figure("burn_rate_long") == pytest.approx(25)
    assert fired() == []
    mesh.close()


def test_the_dashboard_has_error_budgets_over_all_processes() -> None:
    settings = ModelMetricsSubcontract.model_validate({"objectives": [UP, FAST]})
    budget, rate = panels_of_objectives("n", settings.objectives)
    assert (budget[0], budget[1]) == ("Error budget of n", "percentunit")
    bad, received = "onex_dead_letters_total", "onex_messages_received_total"
    assert budget[3][0] == (
        f'1 - (sum(increase({bad}{{node="n"}}[86400s])) / sum(increase({received}{{node="n"}}[86400s]))) / 0.01',
        "up",
    )
    assert [legend for _, legend in rate[3]] == ["up long", "up short", "fast long", "fast short"]
    of_handlers = 'node="n",stage="process"'
    good = f'sum(increase(onex_stage_seconds_bucket{{{of_handlers},le="0.05"}}[300s]))'
    total = f"sum(increase(onex_stage_seconds_count{{{of_handlers}}}[300s]))"
    assert rate[3][3][0] == f"(({total} - {good}) / clamp_min({total}, 10)) / 0.1"
    assert panels_of_objectives("n", ()) == []
    resolved = resolve_node(VAULT)
    with_objectives = replace(resolved, subcontracts={ModelMetricsSubcontract: settings})
    assert [panel[0] for panel in panels_of_declared_metrics([with_objectives])] == [
        "Error budget of node_vault_effect",
        "Burn rate of node_vault_effect",
    ]
