"""What a node can do, from its contract (declared) and from its class (discovered)."""

import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from onex.contract import ResolvedNode
from onex.contract.inputs import inputs_of
from onex.contract.load import FILE_NAME
from onex.model.enums import EnumGuarantee, EnumNodeKind
from onex.model.mesh import (
    EnumIntrospectionReason,
    ModelCapabilities,
    ModelNodeOutput,
    ModelNodeTopics,
    NodeIntrospected,
    node_id,
)
from onex.node import Node, NodeEffect


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of one agent process."""

    env: str
    instance: str
    host: str
    pid: int
    epoch: int
    endpoint: str
    """Base URL of its health server."""
    metrics: tuple[str, ...]
    heartbeat_interval: float


def introspect(
    resolved: ResolvedNode, identity: Identity, reason: EnumIntrospectionReason, now: datetime
) -> NodeIntrospected:
    """Return the event that a process publishes about itself."""
    contract = resolved.contract
    return NodeIntrospected(
        node_id=node_id(identity.env, contract.name, identity.instance),
        env=identity.env,
        node=contract.name,
        kind=contract.node_type,
        version=str(contract.contract_version),
        instance=identity.instance,
        host=identity.host,
        pid=identity.pid,
        epoch=identity.epoch,
        reason=reason,
        description=contract.description,
        capabilities=ModelCapabilities(declared=tuple(_declared(resolved)), discovered=tuple(_discovered(resolved))),
        topics=ModelNodeTopics(
            subscribe=tuple(resolved.routes),
            publish=contract.event_bus.publish_topics,
            retry=contract.retry_topic,
            dead_letter=contract.dead_letter_topic,
            changelog=contract.changelog_topic if contract.has_changelog else "",
        ),
        inputs=tuple(inputs_of(resolved)),
        outputs=tuple(ModelNodeOutput(message=m.__name__, topic=topic) for m, topic in resolved.outputs.items()),
        endpoints={
            name: f"{identity.endpoint}/{path}"
            for name, path in (("health", "healthz"), ("ready", "readyz"), ("metrics", "metrics"))
        },
        metrics=identity.metrics,
        contract_digest=hashlib.sha256((resolved.folder / FILE_NAME).read_bytes()).hexdigest(),
        heartbeat_interval=identity.heartbeat_interval,
        introspected_at=now,
    )


def _declared(resolved: ResolvedNode) -> Iterator[str]:
    contract = resolved.contract
    yield contract.node_type.lower()
    for route in resolved.all_routes:
        yield f"takes:{route.model.__name__}"
    for model in resolved.outputs:
        yield f"gives:{model.__name__}"
    if contract.delivery.guarantee is EnumGuarantee.EXACTLY_ONCE:
        yield "exactly-once"
    if contract.node_type.is_stateful:
        yield "keyed-state"
    if contract.state_machine:
        yield "state-machine"
    if workflow := contract.workflow_coordination:
        yield "workflow"
        if any(step.compensate for step in workflow.steps):
            yield "compensation"
    if contract.node_type is EnumNodeKind.EFFECT and contract.retry_policy.max_attempts > 1:
        yield "retry"
    for dependency in contract.dependencies:
        yield f"needs:{dependency.name}"


def _discovered(resolved: ResolvedNode) -> Iterator[str]:
    """Yield the capabilities that the class has, whatever the contract says."""
    cls = resolved.node_class
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        if name.startswith("_") or getattr(NodeEffect, name, None) is member or getattr(Node, name, None) is member:
            continue
        yield "lifecycle" if name in ("start", "stop") else f"handler:{name}"
    for metadata in cls.capabilities.described:
        yield f"mixin:{metadata.name}"
    for name in sorted(resolved.features.names):
        yield f"feature:{name}"
    for name in resolved.unfinished:
        yield f"unfinished:{name}"
    for name in cls.Config.model_fields:
        yield f"config:{name}"
