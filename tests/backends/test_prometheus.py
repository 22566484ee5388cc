"""Metrics as a real Prometheus sees them; dashboard and alerts as promtool and Prometheus judge them."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from node_order_orchestrator.v1_0_0.models import OrderCompleted, PlaceOrder
from node_unruly_effect.v1_0_0.models import Act
from node_vault_effect.v1_0_0.models import Fetch

from onex.bus.kafka import KafkaEventBusAdapter
from onex.codegen.declared_metrics import panels_of_objectives
from onex.codegen.observability import observability_files
from onex.contract import resolve_node
from onex.local.properties import free_port
from onex.mixins.metrics import ModelMetricsSubcontract
from tests.conftest import NODES, ORDERS, ROOT, SERVICES, eventually
from tests.integration.agents import Mesh

OTHERS = [NODES / name / "v1_0_0" for name in ("node_unruly_effect", "node_vault_effect")]
FOLDERS = [*sorted(ORDERS.glob("*/v1_0_0")), *OTHERS]
EXPECTED = (
    "onex_messages_received_total",
    "onex_messages_sent_total",
    "onex_stage_seconds_bucket",
    "onex_consumer_lag",
    "onex_in_flight",
    "onex_retries_total",
    "onex_parked_keys",
    "onex_dead_letters_total",
    "onex_transactions_total",
    "onex_transactions_aborted_total",
    "onex_state_keys",
    "onex_state_bytes",
    "onex_restore_remaining",
    "onex_standby_keys",
    "onex_rebalances_total",
    "onex_ready",
    "process_resident_memory_bytes",
)


def tool(name: str) -> str:
    """Path of a program of Debian's package prometheus."""
    found = shutil.which(name)
    assert found, f"{name} is missing: apt-get install prometheus"
    return found


@dataclass(frozen=True, slots=True)
class Sample:
    """Time and value, as Prometheus writes them."""

    value: tuple[float, str]


class Prometheus:
    """A server that scrapes some agents and evaluates the rendered rules."""

    def __init__(self, folder: Path, targets: list[str], rules: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        (folder / "alerts.yml").write_text(rules)
        (folder / "targets.json").write_text(json.dumps([{"targets": targets}]))
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "alerts.yml")],
            "scrape_configs": [
                {"job_name": "onex", "file_sd_configs": [{"files": [str(folder / "targets.json")]}]},
            ],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        command = [
            tool("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (folder / "prometheus.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def query(self, expression: str) -> "list[Sample]":
        """Instant vector; raises HTTPError for an expression that Prometheus refuses."""
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            found = json.loads(answer.read())["data"]["result"]
        return [Sample(tuple(entry["value"])) for entry in found]

    def ready(self) -> bool:
        try:
            return [sample.value[1] for sample in self.query("up")] == ["1"] * len(FOLDERS)
        except OSError:
            return False

    def firing(self) -> set[str]:
        with urllib.request.urlopen(f"{self.url}/api/v1/alerts", timeout=5) as answer:
            alerts = json.loads(answer.read())["data"]["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}


@pytest.fixture
def mesh(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[Mesh]:
    with Mesh(kafka_bus, FOLDERS, tmp_path) as made:
        for folder in FOLDERS:
            made.start(folder.parent.name)
        yield made


def test_a_real_prometheus_scrapes_agents_and_fires_the_rendered_alerts(mesh: Mesh, tmp_path: Path) -> None:
    rendered = observability_files(mesh.nodes)
    targets = [urllib.parse.urlsplit(mesh.info(p.pid)["health"]).netloc for p in mesh.processes]
    folder = tmp_path / "prometheus"
    folder.mkdir()
    prometheus = Prometheus(folder, targets, rendered["deploy/prometheus/alerts.yml"])
    try:
        eventually(prometheus.ready, 60, "every agent scraped")
        mesh.send([PlaceOrder(order_id=f"o-{n}", quantity=1, unit_price=1.0) for n in range(50)])
        mesh.send([Act(entity="e", mood="raise"), Act(entity="f", mood="recovers")])
        mesh.send([Fetch(name="gold")])
        eventually(lambda: len(mesh.messages(OrderCompleted)) == 50, 60)

        def total(expression: str) -> float:
            return sum(float(sample.value[1]) for sample in prometheus.query(expression))

        eventually(lambda: total('onex_messages_received_total{node="node_order_pricing_compute"}') == 50, 30)
        eventually(lambda: total('onex_dead_letters_total{class="bug"}') == 1, 30)
        eventually(lambda: total('onex_retries_total{node="node_unruly_effect"}') == 2, 30)
        for name in EXPECTED:
            eventually(lambda name=name: prometheus.query(name), 30, name)  # type: ignore[misc]  # bound here
        closed = 'onex_capability{node="node_vault_effect",capability="circuit_breaker",figure="open"}'
        eventually(lambda: [sample.value[1] for sample in prometheus.query(closed)] == ["0"], 30, "a circuit")
        panels = json.loads(rendered["deploy/grafana/onex.json"])["panels"]
        for panel in panels:
            for target in panel["targets"]:
                expression = target["expr"].replace("$node", ".*").replace("$__rate_interval", "1m")
                eventually(lambda asked=expression: prometheus.query(asked), 30, panel["title"])  # type: ignore[misc]
        eventually(lambda: "OnexDeadLetters" in prometheus.firing(), 60, "the alert")
        assert "OnexNodeAbsent" not in prometheus.firing()
    finally:
        prometheus.process.terminate()
        prometheus.process.wait(20)


def test_promtool_accepts_the_committed_configuration_and_its_rules(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy" / "prometheus", tmp_path, dirs_exist_ok=True)
    (tmp_path / "targets.json").write_text("[]")
    command = [tool("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alerts.yml" in done.stdout + done.stderr


def test_the_rules_fire_when_they_should(tmp_path: Path) -> None:
    """promtool's own unit tests of rules, on virtual time."""
    node = "node_postgres_adapter_effect"
    rules = observability_files([resolve_node(SERVICES / node / "v1_0_0")])["deploy/prometheus/alerts.yml"]
    (tmp_path / "alerts.yml").write_text(rules)
    labels = {"severity": "warning", "node": node}

    def fires(alert: str, series: str, values: str, at: str, **extra: str) -> dict[str, object]:
        expected = [{"exp_labels": {**labels, **extra}}] if at else []
        return {
            "interval": "1m",
            "input_series": [{"series": series, "values": values}],
            "alert_rule_test": [{"eval_time": at or "30m", "alertname": alert, "exp_alerts": expected}],
        }

    lag = f'onex_consumer_lag{{node="{node}",topic="t",partition="0"}}'
    dead = f'onex_dead_letters_total{{node="{node}",class="bug"}}'
    tests = [
        fires("OnexLag", lag, "20000x30", "15m"),
        fires("OnexLag", lag, "10x30", ""),
        fires("OnexNodeNotReady", f'onex_ready{{node="{node}"}}', "0x30", "5m", severity="critical"),
        fires("OnexDeadLetters", dead, "0+1x30", "5m", **{"class": "bug"}),
        fires("OnexKeysParked", f'onex_parked_keys{{node="{node}"}}', "1000x30", "10m"),
    ]
    for test in tests:
        for case in test["alert_rule_test"]:  # type: ignore[attr-defined]
            for expected in case["exp_alerts"]:
                expected["exp_annotations"] = _annotations(rules, case["alertname"])
    (tmp_path / "tests.yml").write_text(json.dumps({"rule_files": ["alerts.yml"], "tests": tests}))
    done = subprocess.run(
        [tool("promtool"), "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_of_objectives_compute_budgets_and_burn_rates(tmp_path: Path) -> None:
    """Two processes with 500 messages a minute each: one dead letter a minute, and ten in each of the last ten."""
    node = "node_postgres_adapter_effect"
    settings = ModelMetricsSubcontract.model_validate(
        {
            "objectives": [
                {"name": "done", "kind": "availability", "target": 0.99},
                {"name": "quick", "kind": "latency", "target": 0.8, "threshold_seconds": 0.5},
            ]
        }
    )
    budgets, rates = panels_of_objectives(node, settings.objectives)
    handled = f'onex_stage_seconds_count{{node="{node}",stage="process"}}'
    series = {
        f'onex_messages_received_total{{node="{node}",instance="a"}}': "0+500x2000",
        f'onex_messages_received_total{{node="{node}",instance="b"}}': "0+500x2000",
        'onex_messages_received_total{node="node_other_effect"}': "0+500x2000",
        f'onex_dead_letters_total{{node="{node}",class="bug"}}': "0+1x1990 2000+10x9",
        handled: "0+1000x2000",
        handled.replace("process", "queue"): "0+7x2000",
        handled.replace("count", "bucket").replace("}", ',le="0.5"}'): "0+900x2000",
    }
    expected = {
        "done": 0.89375,
        "done long": 0.25,
        "done short": 1.0,
        "quick": 0.5,
        "quick long": 0.5,
        "quick short": 0.5,
    }
    queries = {legend: query for query, legend in (*budgets[3], *rates[3])}
    assert {*queries} == {*expected}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"round(({query}) * 100000)",
                "eval_time": "2000m",
                "exp_samples": [{"labels": "{}", "value": round(expected[legend] * 100_000)}],
            }
            for legend, query in queries.items()
        ],
    }
    (tmp_path / "tests.yml").write_text(json.dumps({"rule_files": [], "tests": [test]}))
    command = [tool("promtool"), "test", "rules", "tests.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _annotations(rules: str, alert: str) -> dict[str, str]:

    (group,) = yaml.safe_load(rules)["groups"]
    found: dict[str, str] = next(rule["annotations"] for rule in group["rules"] if rule["alert"] == alert)
    return found
