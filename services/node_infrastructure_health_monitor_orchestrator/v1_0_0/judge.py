"""What signs of life add up to. Pure functions."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from node_infrastructure_health_monitor_orchestrator.v1_0_0.models import InstanceView, Member
from onex.model.mesh import EnumHealth

_ORDER = list(EnumHealth)


def of_instance(view: InstanceView, now: datetime, rebalances: int, within: float) -> tuple[EnumHealth, list[str]]:
    """Health of one process, and why."""
    if view.gone:
        return EnumHealth.GONE, [view.gone]
    bad = list(view.reasons) + ([view.stalled] if view.stalled else [])
    if bad or not view.ready:
        return EnumHealth.UNHEALTHY, bad or ["not ready"]
    poor = [view.lagging] if view.lagging else []
    recent = [at for at in view.rebalances if now - at <= timedelta(seconds=within)]
    if len(recent) >= rebalances:
        poor.append(f"{len(recent)} rebalances within {within:g} s")
    return (EnumHealth.DEGRADED, poor) if poor else (EnumHealth.HEALTHY, [])


def of_node(members: Iterable[Member]) -> EnumHealth:
    """Health of a node: as good as all of its processes, as bad as all of them, else degraded."""
    found = {member.health for member in members}
    return found.pop() if len(found) == 1 else EnumHealth.DEGRADED


def of_mesh(nodes: Iterable[EnumHealth]) -> EnumHealth:
    """Health of the mesh: its worst node's; a node that is gone altogether makes it unhealthy."""
    worst = max(nodes, key=_ORDER.index, default=EnumHealth.HEALTHY)
    return EnumHealth.UNHEALTHY if worst is EnumHealth.GONE else worst


def counts(healths: Iterable[EnumHealth]) -> dict[str, int]:
    """How many have which health."""
    return dict(sorted(Counter(str(health) for health in healths).items()))
