"""Turn heartbeats and consumer events into the health of each process, each node and the mesh."""

from datetime import timedelta

from pydantic import BaseModel

from node_infrastructure_health_monitor_orchestrator.v1_0_0 import judge
from node_infrastructure_health_monitor_orchestrator.v1_0_0.models import (
    ConsumerHealthReported,
    HealthState,
    InstanceHealth,
    InstanceHealthChanged,
    InstanceView,
    Member,
    MeshHealth,
    NodeHealth,
    NodeHeartbeat,
)
from onex.mixins.alerting import MixinAlerting
from onex.mixins.metrics import MixinMetrics
from onex.model.mesh import EnumConsumerEvent, EnumHealth, EnumPhase
from onex.node import CancelTimer, Context, Decision, Message, NodeConfig, NodeOrchestrator, SetTimer, TimerFired

SILENT, FORGET = "silent", "forget"


class Flapping(BaseModel):
    """The rebalances, within a number of seconds, that make a process degraded."""

    rebalances: int
    within: float


class NodeInfrastructureHealthMonitorOrchestrator(
    MixinAlerting, MixinMetrics, NodeOrchestrator[NodeHeartbeat, MeshHealth]
):
    """Two stages in one node: processes by id, then their environment. Only changes pass from one to the other."""

    State = HealthState

    class Config(NodeConfig):
        liveness_window: float
        forget_after: float
        flapping: Flapping

    config: Config

    def decide(
        self,
        state: HealthState | None,
        event: NodeHeartbeat | ConsumerHealthReported | InstanceHealthChanged | TimerFired,
        context: Context,
    ) -> Decision[HealthState]:
        view = state.instance if state else None
        match event:
            case InstanceHealthChanged():
                return self._aggregate(state or HealthState(), event)
            case NodeHeartbeat():
                return self._heard(view, event, context)
            case ConsumerHealthReported():
                return self._reported(view, event, context)
            case TimerFired():
                return self._fired(view, event, context)

    # -- one process ----------------------------------------------------------------------------

    def _heard(self, view: InstanceView | None, event: NodeHeartbeat, context: Context) -> Decision[HealthState]:
        if view is not None and event.epoch < view.epoch:
            return Decision(HealthState(instance=view))
        seen = self._seen(view, event, context).model_copy(
            update={
                "ready": event.ready,
                "reasons": tuple(f"{about}: {why}" for about, why in sorted(event.reasons.items())),
                "lag": event.lag,
            }
        )
        if event.phase is EnumPhase.LEAVING:
            return self._publish(seen.model_copy(update={"gone": "it has left"}), context, left=True)
        return self._publish(seen, context, timers=self._watch(view, event.epoch))

    def _reported(
        self, view: InstanceView | None, event: ConsumerHealthReported, context: Context
    ) -> Decision[HealthState]:
        if view is not None and event.epoch < view.epoch:
            return Decision(HealthState(instance=view))
        seen = self._seen(view, event, context)
        match event.event:
            case EnumConsumerEvent.ASSIGNED | EnumConsumerEvent.REVOKED:
                rebalances = (*seen.rebalances, event.at)[-self.config.flapping.rebalances :]
                seen = seen.model_copy(update={"rebalances": rebalances})
            case EnumConsumerEvent.STALLED | EnumConsumerEvent.PROGRESSING:
                stalled = event.detail or "stalled" if event.event is EnumConsumerEvent.STALLED else ""
                seen = seen.model_copy(update={"stalled": stalled})
            case EnumConsumerEvent.LAGGING | EnumConsumerEvent.CAUGHT_UP:
                lagging = event.detail or "lagging" if event.event is EnumConsumerEvent.LAGGING else ""
                seen = seen.model_copy(update={"lagging": lagging, "lag": event.lag})
        return self._publish(seen, context, timers=self._watch(view, event.epoch))

    def _watch(self, view: InstanceView | None, epoch: int) -> list[SetTimer | CancelTimer]:
        """Return the timers of a process that is new or back: watch for silence, and do not forget it."""
        if view is not None and not view.gone and view.epoch == epoch:
            return []
        return [CancelTimer(FORGET), SetTimer(SILENT, self.config.liveness_window)]

    def _seen(
        self, view: InstanceView | None, event: NodeHeartbeat | ConsumerHealthReported, context: Context
    ) -> InstanceView:
        """Return the view of a process that is alive. A new epoch starts without complaints."""
        if view is None or view.epoch != event.epoch:
            published = (view.told, view.told_reasons) if view else (None, ())
            return InstanceView(
                env=event.env,
                node=event.node,
                epoch=event.epoch,
                last_seen=context.now,
                told=published[0],
                told_reasons=published[1],
            )
        return view.model_copy(update={"last_seen": context.now, "gone": ""})

    def _fired(self, view: InstanceView | None, event: TimerFired, context: Context) -> Decision[HealthState]:
        if view is None:
            return Decision(None)
        if event.name == FORGET:
            return self._publish(view, context, left=True)
        left = (view.last_seen + timedelta(seconds=self.config.liveness_window) - context.now).total_seconds()
        if view.gone or left > 0:
            return Decision(HealthState(instance=view), timers=[] if view.gone else [SetTimer(SILENT, left)])
        silent = view.model_copy(update={"gone": f"no sign of life for {self.config.liveness_window:g} s"})
        return self._publish(silent, context, timers=[SetTimer(FORGET, self.config.forget_after)])

    def _publish(
        self,
        view: InstanceView,
        context: Context,
        *,
        left: bool = False,
        timers: list[SetTimer | CancelTimer] | None = None,
    ) -> Decision[HealthState]:
        """Publish changes of health. A process that has left is forgotten."""
        flapping = self.config.flapping
        health, reasons = judge.of_instance(view, context.now, flapping.rebalances, flapping.within)
        events: list[Message] = []
        if left or health is not view.told or tuple(reasons) != view.told_reasons:
            events = [
                InstanceHealth(
                    node_id=context.key,
                    env=view.env,
                    node=view.node,
                    health=health,
                    reasons=tuple(reasons),
                    lag=view.lag,
                    at=context.now,
                ),
                InstanceHealthChanged(
                    env=view.env,
                    node=view.node,
                    node_id=context.key,
                    health=health,
                    reasons=tuple(reasons),
                    left=left,
                    at=context.now,
                ),
            ]
        if left:
            return Decision(None, events=events, timers=[CancelTimer(SILENT), CancelTimer(FORGET)])
        published = view.model_copy(update={"told": health, "told_reasons": tuple(reasons)})
        return Decision(HealthState(instance=published), events=events, timers=timers or [])

    # -- an environment -------------------------------------------------------------------------

    def _aggregate(self, state: HealthState, event: InstanceHealthChanged) -> Decision[HealthState]:
        members = {name: member for name, member in state.members.items() if name != event.node_id}
        if not event.left:
            members[event.node_id] = Member(node=event.node, health=event.health, reasons=event.reasons)
        node_members = [member for member in members.values() if member.node == event.node]
        nodes = {name: health for name, health in state.nodes.items() if name != event.node}
        if node_members:
            nodes[event.node] = judge.of_node(node_members)
        reasons = tuple(sorted({reason for member in node_members for reason in member.reasons}))
        events: list[Message] = [
            NodeHealth(
                env=event.env,
                node=event.node,
                health=nodes.get(event.node, EnumHealth.GONE),
                instances=judge.counts(member.health for member in node_members),
                reasons=reasons,
                at=event.at,
            )
        ]
        mesh = judge.of_mesh(nodes.values())
        if mesh is not state.mesh:
            self.metrics.increment("mesh_health_changes", health=str(mesh))
        if mesh is not state.mesh or nodes != state.nodes:
            unwell = tuple(sorted(name for name, health in nodes.items() if health is not EnumHealth.HEALTHY))
            events.append(
                MeshHealth(env=event.env, health=mesh, nodes=judge.counts(nodes.values()), unwell=unwell, at=event.at)
            )
        return Decision(HealthState(members=members, nodes=nodes, mesh=mesh), events=events)
