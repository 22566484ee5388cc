"""Keys of ONEX contracts that are refused, because nothing here would enforce them."""

NOT_SUPPORTED_YET = frozenset(
    {
        "capabilities",
        "descriptor",
        "env_dependencies",
        "error_types",
        "idempotency",
        "intent_consumption",
        "intent_emission",
        "node_version",
        "performance",
        "terminal_event",
        "time_injection",
    }
)

ELSEWHERE = {
    "circuit_breaker": "write it under `advanced_features`, or as a subcontract",
    "monitoring": "Prometheus watches the rules of deploy/prometheus/alerts.yml; set `alert_threshold`",
    "prometheus_port": "the agent serves metrics where ONEX_HEALTH_PORT says",
    "topic_suffix": "dead letters go to `onex.dlq.{node}...`, or to the topic in `event_bus.dlq_topics`",
}
"""Keys that are set in another place, with that place."""

OTHER_NAMES = {
    "dead_letter_queue": "advanced_features",
    "health_check": "subcontracts",
    "observability": "advanced_features",
    "security_validation": "advanced_features",
    "transactions": "advanced_features",
    "kind": "node_type",
    "type": "node_type",
    "version": "contract_version",
    "topics": "event_bus",
    "handlers": "handler_routing",
    "fsm": "state_machine",
    "workflow": "workflow_coordination",
    "retry": "error_handling",
}
"""Other names of keys that exist."""
