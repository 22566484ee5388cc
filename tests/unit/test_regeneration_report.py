"""Metrics and report of regenerations."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from onex.cli.generate.report import report
from onex.codegen.model import EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.regenerate import chart, compared, markdown, measured, project_metrics
from onex.codegen.regenerate.features import EnumFeature, feature_of, feature_of_mixin, lines_by_feature
from onex.codegen.regenerate.metrics import EnumGate, ModelRegenerationMetrics
from onex.errors import ContractError
from onex.mixins.catalogue import CATALOGUE
from tests.conftest import SERVICES

CONTRACT = """\
name: node_price_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.price.price-order.v1]
  publish_topics: [onex.evt.price.order-priced.v1]
handler_routing:
  handlers:
    - {event_model: PriceOrder, handler: price, output_events: [OrderPriced]}
"""
BEFORE = '''"""Prices orders."""

import time


class CircuitBreaker:
    """Opens."""

    def __init__(self) -> None:
        self.failures = 0

    def record(self) -> None:
        self.failures += 1


class NodePriceEffect(NodeEffect):
    """Prices orders."""

    async def price(self, command: PriceOrder, context: Context) -> OrderPriced:
        """Price."""
        self._log.info("price")
        for attempt in range(3):
            if attempt:
                pass
        total = command.amount
        try:
            self._metrics.count("price")
        except ValueError:
            raise
        return OrderPriced(total=total)

    def health(self) -> bool:
        fine = True
        return fine
'''
AFTER = '''"""Prices orders."""


class NodePriceEffect(MixinRetry, NodeEffect):
    """Prices orders."""

    async def price(self, command: PriceOrder, context: Context) -> OrderPriced:
        raise NotImplementedNodeError("price is not written yet")
'''


def files(node: str, contract: str = CONTRACT) -> dict[str, str]:
    root = "node_price_effect/v1_0_0"
    models = "class PriceOrder(Message):\n    amount: int\n"
    return {f"{root}/contract.yaml": contract, f"{root}/node.py": node, f"{root}/models/__init__.py": models}


def test_logical_lines_are_counted_by_feature() -> None:
    lines = lines_by_feature(files(BEFORE), frozenset({"price"}))
    assert lines == {
        EnumFeature.MESSAGES: 2,
        EnumFeature.CIRCUIT_BREAKER: 5,  # the class, two methods, two statements
        EnumFeature.RETRY: 2,  # the loop and the condition on the attempt
        EnumFeature.HEALTH: 3,
        EnumFeature.METRICS: 1,
        EnumFeature.LOGGING: 1,
        EnumFeature.LOGIC: 8,  # class, handler, pass, total, try, except, raise, return
    }


def test_layout_comments_and_docstrings_are_no_lines() -> None:
    spread = BEFORE.replace(
        "OrderPriced(total=total)", "OrderPriced(\n            # net\n            total=total,\n        )"
    )
    counted = [lines_by_feature(files(text), frozenset({"price"})) for text in (BEFORE, spread)]
    assert counted[0] == counted[1]
    assert lines_by_feature({"node_x/v1/test_node.py": "x = 1\n", "node_x/v1/a.md": "x"}, frozenset()) == {}


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("_DatabaseCircuitBreaker", EnumFeature.CIRCUIT_BREAKER),
        ("retry_with_backoff", EnumFeature.RETRY),
        ("dead_letters", EnumFeature.DEAD_LETTERS),
        ("HTTPClient", EnumFeature.HTTP),
        ("log", EnumFeature.LOGGING),
        ("catalogue", None),
        ("blogs", None),
        ("deadline", None),
    ],
)
def test_words_of_names_decide_the_feature(name: str, feature: EnumFeature | None) -> None:
    assert feature_of([name]) is feature


def test_mixins_with_a_feature_are_in_the_catalogue() -> None:
    assert feature_of_mixin("MixinCircuitBreaker") is EnumFeature.CIRCUIT_BREAKER
    assert feature_of_mixin("MixinUnknown") is None
    assert sum(feature_of_mixin(name) is not None for name in CATALOGUE.names) >= 20


def metrics() -> ModelRegenerationMetrics:
    finding = ModelFinding(severity="error", file="node.py", line=3, rule="x", message="is wrong", remedy="fix it")

    def validate(found: object) -> list[ModelValidationResult]:
        is_after = "MixinRetry" in str(found)
        return [
            ModelValidationResult(stage=EnumValidationStage.SYNTAX, seconds=0.25),
            ModelValidationResult(
                stage=EnumValidationStage.SECURITY, seconds=0.5, findings=() if is_after else (finding,)
            ),
        ]

    after = files(AFTER, f"{CONTRACT}mixins: [{{name: MixinRetry}}]\n")
    return compared(files(BEFORE), after, seconds=0.125, validate=validate)


def test_two_versions_of_a_node_are_compared() -> None:
    found = metrics()
    assert (found.before.total, found.after.total) == (22, 5)
    assert found.reduction_percent == pytest.approx(100 * 17 / 22)
    assert found.before.mixins == ()
    assert found.after.mixins == ("MixinRetry",)
    assert EnumFeature.RETRY in found.after.features, "a capability is a feature without lines"
    assert found.features_removed == (
        EnumFeature.CIRCUIT_BREAKER,
        EnumFeature.HEALTH,
        EnumFeature.METRICS,
        EnumFeature.LOGGING,
    )
    assert found.features_added == ()
    assert found.after.unfinished == ("price",)
    assert found.before.gates[EnumValidationStage.SECURITY] is EnumGate.FAILED
    assert found.after.passed
    assert not found.before.passed
    assert found.after.validation_seconds == 0.75
    assert len(found.changed_files) == 2


def test_many_nodes_are_summed() -> None:
    found = project_metrics([metrics(), measured(SERVICES / "node_store_effect" / "v1_0_0")[0]])
    assert found.nodes == 2
    assert found.mixins_per_node == 2.5
    assert found.handlers == 2
    assert found.unfinished_handlers == 1
    assert found.generated_handlers == 0
    assert found.nodes_passed == 2
    assert found.lines_before > found.lines_after > 20
    assert project_metrics([]).mixins_per_node == 0.0


def test_a_node_of_the_mesh_is_measured_without_writing() -> None:
    folder = SERVICES / "node_kafka_producer_pool_effect" / "v1_0_0"
    found, result = measured(folder)
    assert found.changed_files == ()
    assert found.before == found.after
    assert set(found.kept_bodies) == {f"NodeKafkaProducerPoolEffect.{name}" for name in ("publish", "report")}
    assert len(found.after.mixins) == 6
    assert f"{folder.parent.name}/{folder.name}/node.py" in result.files
    assert ModelRegenerationMetrics.model_validate_json(found.model_dump_json()) == found


def test_a_folder_without_a_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="contract.yaml:1: file: not found"):
        measured(tmp_path)


def test_the_report_has_a_table_for_each_node() -> None:
    text = markdown([metrics()], "report.svg")
    assert "![Logical lines by feature, before and after](report.svg)" in text
    assert "| retry | 2 | 0 | MixinRetry |" in text
    assert "| circuit breaker | 5 | 0 |  |" in text
    assert "| **all** | 22 | 5 (-77.3 %) |  |" in text
    assert "| gate security | failed | passed |" in text
    assert "| Unfinished handlers | 1 |" in text
    assert "![" not in markdown([metrics()])


def test_names_of_files_and_cases_are_no_markup_in_the_report() -> None:
    folder = SERVICES / "node_store_effect" / "v1_0_0"
    found = measured(folder)[0]
    note = found.notes[0].model_copy(update={"message": "<script>[x](y)|\n# head", "name": "a\tb"})
    text = markdown([found.model_copy(update={"notes": (note,)})])
    assert "<script>" not in text
    assert "\n# head" not in text
    assert "\\[x\\](y)\\|" in text


def test_the_chart_is_svg_with_two_bars_for_each_feature() -> None:
    root = ElementTree.fromstring(chart([metrics()]))
    bars = [
        bar for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("x") == "120" and bar.get("y") != "14"
    ]
    found = metrics()
    features = {*found.before.lines, *found.after.lines}
    assert len(bars) == 2 * len(features)
    longest = max(float(bar.get("width", "0")) for bar in bars)
    assert longest == 460
    labels = [str(text.text) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {feature.value for feature in features} <= set(labels)
    ElementTree.fromstring(chart([]))


def test_the_metrics_are_json() -> None:
    data = json.loads(metrics().model_dump_json())
    assert data["before"]["lines"]["circuit breaker"] == 5
    assert data["after"]["gates"]["security"] == "passed"


# -- the command ----------------------------------------------------------------------------------

STORE = SERVICES / "node_store_effect" / "v1_0_0"


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_markdown_or_json() -> None:
    printed = run(str(STORE))
    assert printed.exit_code == 0, printed.output
    assert "## node_store_effect" in printed.output
    data = json.loads(run(str(STORE), str(STORE.parents[1] / "node_registry_reducer"), "--json").output)
    assert [node["name"] for node in data["nodes"]] == ["node_store_effect", "node_registry_reducer"]
    assert data["project"]["nodes"] == 2


def test_the_command_writes_the_report_and_its_chart(tmp_path: Path) -> None:
    done = run(str(STORE), "--output", str(tmp_path / "reports" / "store.md"))
    assert done.exit_code == 0, done.output
    assert "(store.svg)" in (tmp_path / "reports" / "store.md").read_text()
    ElementTree.parse(tmp_path / "reports" / "store.svg")
    assert run(str(STORE), "--output", str(tmp_path / "x.svg")).exit_code != 0


def test_the_command_takes_a_new_contract_or_an_earlier_folder(tmp_path: Path) -> None:
    text = (STORE / "contract.yaml").read_text()
    (tmp_path / "next.yaml").write_text(text.replace("mixins:", "mixins:\n  - {name: MixinLogging}"))
    data = json.loads(run(str(STORE), "--contract", str(tmp_path / "next.yaml"), "--json").output)
    shipped = ["MixinAlerting", "MixinDatabase", "MixinMetrics", "MixinTracing"]
    assert data["nodes"][0]["after"]["mixins"] == sorted([*shipped, "MixinLogging"])
    earlier = tmp_path / "node_store_effect" / "v1_0_0"
    shutil.copytree(STORE, earlier, ignore=shutil.ignore_patterns("__pycache__"))
    (earlier / "retry.py").write_text("x = 1\nretry = 2\n")
    data = json.loads(run(str(STORE), "--before", str(earlier), "--json").output)
    assert data["nodes"][0]["before"]["lines"]["retry"] == 1
    assert "retry" not in data["nodes"][0]["after"]["lines"]
    gates = run(str(STORE), "--before", str(earlier), "--validation-level", "basic", "--json")
    assert json.loads(gates.output)["nodes"][0]["before"]["gates"]["imports"] == "passed"
    assert run(str(SERVICES), "--before", str(earlier)).exit_code != 0
    assert run(str(STORE), "--contract", str(tmp_path / "missing.yaml")).exit_code != 0
