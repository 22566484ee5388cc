"""Renders the Grafana dashboard and the Prometheus alert rules of the nodes."""

import json
from collections.abc import Iterable, Iterator, Sequence

import yaml

from onex.codegen.panels import Panel
from onex.contract import ResolvedNode
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

_NOTE = "# Rendered from contracts by `onex contract render`; edit the contract, not this file.\n"
_WINDOW = "[$__rate_interval]"

_COMMON: Sequence[Panel] = (
    (
        "Messages in",
        "ops",
        "Taken in per second.",
        [(f'sum by (node) (rate(onex_messages_received_total{{node=~"$node"}}{_WINDOW}))', "{{node}}")],
    ),
    (
        "Messages out",
        "ops",
        "Put out per second.",
        [(f'sum by (node) (rate(onex_messages_sent_total{{node=~"$node"}}{_WINDOW}))', "{{node}}")],
    ),
    (
        "Consumer lag",
        "short",
        "Offsets not yet processed.",
        [('sum by (node) (onex_consumer_lag{node=~"$node"})', "{{node}}")],
    ),
    (
        "Latency by stage, 99th percentile",
        "s",
        "queue: until taken in hand; process: until handed to the producer; settle: the commit.",
        [
            (
                "histogram_quantile(0.99, sum by (node, stage, le) "
                f'(rate(onex_stage_seconds_bucket{{node=~"$node"}}{_WINDOW})))',
                "{{node}} {{stage}}",
            )
        ],
    ),
    (
        "Dead letters by class",
        "ops",
        "Written per second.",
        [(f'sum by (node, class) (rate(onex_dead_letters_total{{node=~"$node"}}{_WINDOW}))', "{{node}} {{class}}")],
    ),
    (
        "Transactions",
        "ops",
        "Committed and aborted per second.",
        [
            (f'sum by (node) (rate(onex_transactions_total{{node=~"$node"}}{_WINDOW}))', "{{node}} committed"),
            (f'sum by (node) (rate(onex_transactions_aborted_total{{node=~"$node"}}{_WINDOW}))', "{{node}} aborted"),
        ],
    ),
    ("In flight", "short", "Taken and not settled.", [('sum by (node) (onex_in_flight{node=~"$node"})', "{{node}}")]),
    ("Ready", "short", "Processes that are ready.", [('sum by (node) (onex_ready{node=~"$node"})', "{{node}}")]),
    (
        "Rebalances",
        "short",
        "Changes of the assignment in ten minutes.",
        [('sum by (node) (increase(onex_rebalances_total{node=~"$node"}[10m]))', "{{node}}")],
    ),
)
_EFFECTS: Sequence[Panel] = (
    (
        "Retries",
        "ops",
        "Attempts after a failure, per second.",
        [(f'sum by (node) (rate(onex_retries_total{{node=~"$node"}}{_WINDOW}))', "{{node}}")],
    ),
    ("Parked keys", "short", "Wait for a retry.", [('sum by (node) (onex_parked_keys{node=~"$node"})', "{{node}}")]),
)
_KEYED: Sequence[Panel] = (
    ("State, keys", "short", "Estimated.", [('sum by (node) (onex_state_keys{node=~"$node"})', "{{node}}")]),
    ("State, bytes", "bytes", "On disk.", [('sum by (node) (onex_state_bytes{node=~"$node"})', "{{node}}")]),
    (
        "Left to restore",
        "short",
        "Changelog offsets before work begins.",
        [('sum by (node) (onex_restore_remaining{node=~"$node"})', "{{node}}")],
    ),
)

_WORKFLOWS: Sequence[Panel] = (
    (
        "Workflow runs by outcome",
        "ops",
        "Ended per second.",
        [
            (
                f'sum by (node, outcome) (rate(onex_workflow_run_seconds_count{{node=~"$node"}}{_WINDOW}))',
                "{{node}} {{outcome}}",
            )
        ],
    ),
    (
        "Workflow success",
        "percentunit",
        "Completed runs, of those that completed or failed.",
        [
            (
                "sum by (node) (rate(onex_workflow_run_seconds_count"
                f'{{node=~"$node",outcome="completed"}}{_WINDOW})) / '
                "sum by (node) (rate(onex_workflow_run_seconds_count"
                f'{{node=~"$node",outcome=~"completed|failed"}}{_WINDOW}))',
                "{{node}}",
            )
        ],
    ),
    (
        "Workflow runs, 95th percentile",
        "s",
        "Duration from the command to the completion.",
        [
            (
                "histogram_quantile(0.95, sum by (node, outcome, le) "
                f'(rate(onex_workflow_run_seconds_bucket{{node=~"$node"}}{_WINDOW})))',
                "{{node}} {{outcome}}",
            )
        ],
    ),
    (
        "Workflow steps, 95th percentile",
        "s",
        "Duration with all attempts.",
        [
            (
                "histogram_quantile(0.95, sum by (node, step, le) "
                f'(rate(onex_workflow_step_seconds_bucket{{node=~"$node"}}{_WINDOW})))',
                "{{node}} {{step}}",
            )
        ],
    ),
    (
        "Workflow retries and compensations",
        "ops",
        "Per second.",
        [
            (
                f'sum by (node, step) (rate(onex_workflow_step_retries_total{{node=~"$node"}}{_WINDOW}))',
                "{{node}} {{step}} retried",
            ),
            (
                f'sum by (node, step, outcome) (rate(onex_workflow_compensations_total{{node=~"$node"}}{_WINDOW}))',
                "{{node}} {{step}} {{outcome}}",
            ),
        ],
    ),
    (
        "Workflow runs, open",
        "short",
        "Runs that are not over.",
        [('sum by (node) (onex_workflow_open_runs{node=~"$node"})', "{{node}}")],
    ),
)


_COMPOSED: Sequence[Panel] = (
    (
        "Capabilities",
        "short",
        "What the capabilities of nodes count: circuits that are open, checks that fail, connections in use ...",
        [
            (
                # A sum of shares over processes means nothing; objectives have panels of their own.
                'sum by (node, capability, figure) (onex_capability{node=~"$node",figure!~"objective_.*"})',
                "{{node}} {{capability}} {{figure}}",
            )
        ],
    ),
)


def observability_files(nodes: Iterable[ResolvedNode]) -> dict[str, str]:
    """Return the files by path below the root of the repository."""
    resolved = sorted(nodes, key=lambda node: node.contract.name)
    rules = {
        "groups": [
            {"name": node.contract.name, "rules": [*_rules(node.contract), *_rules_of_capabilities(node)]}
            for node in resolved
        ]
    }
    return {
        "deploy/grafana/onex.json": json.dumps(_dashboard(resolved), indent=2) + "\n",
        "deploy/prometheus/alerts.yml": _NOTE + yaml.safe_dump(rules, sort_keys=False, width=118),
    }


def _dashboard(nodes: Sequence[ResolvedNode]) -> dict[str, object]:
    contracts = [node.contract for node in nodes]
    panels: list[Panel] = list(_COMMON)
    panels += _COMPOSED if any(node.node_class.capabilities.start for node in nodes) else ()
    kinds = {contract.node_type for contract in contracts}
    panels += _EFFECTS if EnumNodeKind.EFFECT in kinds else ()
    panels += _KEYED if any(kind.is_stateful for kind in kinds) else ()
    panels += _WORKFLOWS if any(contract.workflow_coordination for contract in contracts) else ()
    # The capability imports the client of Prometheus, which other commands do not need.
    from onex.codegen.declared_metrics import panels_of_declared_metrics

    panels += panels_of_declared_metrics(nodes)
    names = [contract.name for contract in contracts]
    return {
        "uid": "onex",
        "title": "ONEX mesh",
        "tags": ["onex"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "type": "datasource",
                    "query": "prometheus",
                },
                {
                    "name": "node",
                    "type": "custom",
                    "query": ",".join(names),
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".*",
                    "current": {"text": "All", "value": "$__all"},
                },
            ]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, object]:
    title, unit, description, queries = panel
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": source,
        "gridPos": {"h": 8, "w": 8, "x": number % 3 * 8, "y": number // 3 * 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(queries)
        ],
    }


def _rules(contract: ModelContract) -> Iterator[dict[str, object]]:
    node, delivery = contract.name, contract.delivery
    only = f'{{node="{node}"}}'
    yield _rule("OnexNodeAbsent", f"absent(onex_ready{only})", "5m", "critical", node, "No process is scraped.")
    yield _rule(
        "OnexNodeNotReady",
        f"min by (node) (onex_ready{only}) == 0",
        "2m",
        "critical",
        node,
        "A process is not ready; /readyz says why.",
    )
    behind = delivery.batch_size * 5
    yield _rule(
        "OnexLag",
        f"sum by (node) (onex_consumer_lag{only}) > {behind}",
        "10m",
        "warning",
        node,
        f"More than {behind} offsets (five batches) behind for ten minutes: add instances, up to one per partition.",
    )
    yield _rule(
        "OnexDeadLetters",
        f"sum by (node, class) (increase(onex_dead_letters_total{only}[10m])) > 0",
        "0m",
        "warning",
        node,
        f"onex dlq list --node {node} shows why; fix the cause, then replay.",
    )
    threshold = contract.alert_threshold
    yield _rule(
        "OnexDeadLettersAboveThreshold",
        f"sum by (node) (increase(onex_dead_letters_total{only}[1d])) > {threshold}",
        "0m",
        "critical",
        node,
        f"More than {threshold} dead letters in a day (error_handling.dead_letter.alert_threshold).",
    )
    yield _rule(
        "OnexTransactionsAborted",
        f"sum by (node) (increase(onex_transactions_aborted_total{only}[10m])) > 10",
        "0m",
        "warning",
        node,
        "Batches run again and again: a broker or a topic refuses what they write.",
    )
    yield _rule(
        "OnexRebalancing",
        f"sum by (node) (increase(onex_rebalances_total{only}[10m])) > 20",
        "0m",
        "warning",
        node,
        "Partitions keep moving: processes restart, or cannot hold their sessions.",
    )
    if contract.node_type is EnumNodeKind.EFFECT:
        limit = contract.handler_timeout / 2
        yield _rule(
            "OnexSlowHandler",
            "histogram_quantile(0.99, sum by (node, le) "
            f'(rate(onex_stage_seconds_bucket{{node="{node}",stage="process"}}[5m]))) > {limit:g}',
            "5m",
            "warning",
            node,
            f"One call in a hundred takes more than half of its timeout of {contract.handler_timeout:g} s.",
        )
        yield _rule(
            "OnexKeysParked",
            f"sum by (node) (onex_parked_keys{only}) > {delivery.concurrency}",
            "5m",
            "warning",
            node,
            "More keys wait for a retry than may be in work: what the effect talks to is failing.",
        )
    if contract.node_type.is_stateful:
        yield _rule(
            "OnexRestoring",
            f"sum by (node) (onex_restore_remaining{only}) > 0",
            "10m",
            "warning",
            node,
            "State is still being restored; the partitions stand still until it is complete.",
        )


def _rules_of_capabilities(node: ResolvedNode) -> Iterator[dict[str, object]]:
    name, composed = node.contract.name, {metadata.name for metadata in node.node_class.capabilities.start}
    if "MixinCircuitBreaker" in composed:
        yield _rule(
            "OnexCircuitOpen",
            f'sum by (node) (onex_capability{{node="{name}",capability="circuit_breaker",figure="open"}}) > 0',
            "1m",
            "warning",
            name,
            "A dependency fails; partitions stand still until it is back.",
        )
    if "MixinHealthCheck" in composed:
        yield _rule(
            "OnexUnhealthy",
            f'sum by (node) (onex_capability{{node="{name}",capability="health_check",figure="failing"}}) > 0',
            "2m",
            "warning",
            name,
            "A health check fails; /readyz and the events of the mesh say which one.",
        )


def _rule(alert: str, expr: str, lasting: str, severity: str, node: str, summary: str) -> dict[str, object]:
    return {
        "alert": alert,
        "expr": expr,
        "for": lasting,
        "labels": {"severity": severity, "node": node},
        "annotations": {"summary": f"{node}: {summary}"},
    }
