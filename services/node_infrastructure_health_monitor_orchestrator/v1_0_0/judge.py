"""Health of processes, nodes and the mesh, from heartbeats and consumer events. Pure functions."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from node_infrastructure_health_monitor_orchestrator.v1_0_0.models import InstanceView, Member
from onex.model.mesh import EnumHealth

_ORDER = list(EnumHealth)


def of_instance(view: InstanceView, now: datetime, rebalances: int, within: float) -> tuple[EnumHealth, list[str]]:
    """Return the health of one process, and the reasons."""
    if view.gone:
        return EnumHealth.GONE, [view.gone]
    bad = list(view.reasons) + ([view.stalled] if view.stalled else [])
    if view.stalled or not view.ready:
        return EnumHealth.UNHEALTHY, bad or ["not ready"]
    # A process that is ready and has reasons is degraded.
    poor = bad + ([view.lagging] if view.lagging else [])
    recent = [at for at in view.rebalances if now - at <= timedelta(seconds=within)]
    if len(recent) >= rebalances:
        poor.append(f"{len(recent)} rebalances within {within:g} s")
    return (EnumHealth.DEGRADED, poor) if poor else (EnumHealth.HEALTHY, [])


def of_node(members: Iterable[Member]) -> EnumHealth:
    """Return the health of a node: that of its processes where they agree, else degraded."""
    healths = {member.health for member in members}
    return healths.pop() if len(healths) == 1 else EnumHealth.DEGRADED


def of_mesh(nodes: Iterable[EnumHealth]) -> EnumHealth:
    """Return the health of the mesh: that of its worst node. A node without any process makes it unhealthy."""
    worst = max(nodes, key=_ORDER.index, default=EnumHealth.HEALTHY)
    return EnumHealth.UNHEALTHY if worst is EnumHealth.GONE else worst


def counts(healths: Iterable[EnumHealth]) -> dict[str, int]:
    """Return the number of members by health."""
    return dict(sorted(Counter(str(health) for health in healths).items()))
