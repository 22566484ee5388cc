"""Lead every agent process through the registration handshake, and detect silent processes."""

from datetime import timedelta
from fnmatch import fnmatchcase

from node_registry_orchestrator.v1_0_0.models import (
    EnumHandshake,
    EnumStep,
    Handshake,
    NodeHeartbeat,
    NodeIntrospected,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RegistrationStepped,
    RequestIntrospection,
)
from onex.mixins.alerting import MixinAlerting
from onex.model.mesh import EnumIntrospectionReason, EnumPhase, node_id
from onex.node import CancelTimer, Context, Decision, NodeConfig, NodeOrchestrator, SetTimer, TimerFired

ACK, LIVENESS, FORGET = "ack", "liveness", "forget"


class NodeRegistryOrchestrator(MixinAlerting, NodeOrchestrator[NodeIntrospected, RegistrationAccepted]):
    """The handshake. Time comes from messages and timers; the reducer decides the meaning of each step.

    A process that sends heartbeats without being registered is asked to introspect again.
    """

    State = Handshake

    class Config(NodeConfig):
        admit: tuple[str, ...]
        """Shell patterns of node names that may register."""
        ack_timeout: float
        """Seconds within which a process must acknowledge."""
        liveness_window: float
        """Seconds without a heartbeat after which a process counts as gone."""
        forget_after: float
        """Seconds after which a process that is gone leaves the registry."""

    config: Config

    def decide(
        self,
        state: Handshake | None,
        event: NodeIntrospected | RegistrationAcknowledged | NodeHeartbeat | TimerFired,
        context: Context,
    ) -> Decision[Handshake]:
        match event:
            case NodeIntrospected():
                return self._introspected(state, event, context)
            case RegistrationAcknowledged():
                return self._acknowledged(state, event, context)
            case NodeHeartbeat():
                return self._heard(state, event, context)
            case TimerFired():
                return self._fired(state, event, context)

    def _introspected(
        self, state: Handshake | None, event: NodeIntrospected, context: Context
    ) -> Decision[Handshake]:
        if state is not None and event.epoch < state.epoch:
            return Decision(state)
        is_known = state is not None and event.epoch == state.epoch
        if is_known and state is not None and state.at is EnumHandshake.ACTIVE:
            is_requested = event.reason is EnumIntrospectionReason.REQUESTED
            return Decision(
                state, events=[self._step(context, EnumStep.REFRESHED, "", event)] if is_requested else []
            )
        if is_known and state is not None and state.at is not EnumHandshake.SILENT:
            return Decision(state)
        requested = self._step(context, EnumStep.REQUESTED, event.reason, event)
        if fault := self._fault(event):
            refused = Handshake(epoch=event.epoch, at=EnumHandshake.REFUSED, last_seen=context.now)
            return Decision(
                refused,
                events=[requested, self._step(context, EnumStep.REJECTED, fault)],
                timers=[CancelTimer(ACK), CancelTimer(LIVENESS), SetTimer(FORGET, self.config.forget_after)],
            )
        return Decision(
            Handshake(epoch=event.epoch, at=EnumHandshake.OFFERED, last_seen=context.now),
            events=[
                requested,
                self._step(context, EnumStep.ACCEPTED),
                self._step(context, EnumStep.OFFERED),
                RegistrationAccepted(node_id=event.node_id, epoch=event.epoch, ack_within=self.config.ack_timeout),
            ],
            timers=[CancelTimer(LIVENESS), CancelTimer(FORGET), SetTimer(ACK, self.config.ack_timeout)],
        )

    def _acknowledged(
        self, state: Handshake | None, event: RegistrationAcknowledged, context: Context
    ) -> Decision[Handshake]:
        """Activate a process, also when its acknowledgement is late."""
        if state is None or event.epoch != state.epoch:
            return Decision(state)
        if state.at not in (EnumHandshake.OFFERED, EnumHandshake.SILENT):
            return Decision(state)
        late = "late" if state.at is EnumHandshake.SILENT else ""
        return Decision(
            state.model_copy(update={"at": EnumHandshake.ACTIVE, "last_seen": context.now}),
            events=[self._step(context, EnumStep.ACKNOWLEDGED, late), self._step(context, EnumStep.ACTIVATED, late)],
            timers=[CancelTimer(ACK), CancelTimer(FORGET), SetTimer(LIVENESS, self.config.liveness_window)],
        )

    def _heard(self, state: Handshake | None, event: NodeHeartbeat, context: Context) -> Decision[Handshake]:
        leaving = event.phase is EnumPhase.LEAVING
        if state is None or event.epoch > state.epoch:
            return (
                Decision(state) if leaving else self._ask(state, event.node_id, "a heartbeat of an unknown process")
            )
        if event.epoch < state.epoch or state.at is EnumHandshake.REFUSED:
            return Decision(state)
        seen = state.model_copy(update={"last_seen": context.now})
        match state.at:
            case EnumHandshake.ACTIVE if not leaving:
                return Decision(seen)
            case EnumHandshake.ACTIVE | EnumHandshake.OFFERED if leaving:
                return self._lose(seen, context, "it has left")
            case EnumHandshake.SILENT if not leaving:
                return self._ask(seen, event.node_id, "it is heard again")
            case _:
                return Decision(seen)

    def _fired(self, state: Handshake | None, event: TimerFired, context: Context) -> Decision[Handshake]:
        if state is None:
            return Decision(None)
        match event.name:
            case "ack" if state.at is EnumHandshake.OFFERED:
                lost = self._lose(state, context, f"no acknowledgement within {self.config.ack_timeout:g} s")
                ask = RequestIntrospection(node_id=context.key, reason="it did not acknowledge")
                return Decision(lost.state, events=lost.events, timers=lost.timers, commands=[ask])
            case "liveness" if state.at is EnumHandshake.ACTIVE:
                # Heartbeats do not reset the timer: when it fires, it is set again for the rest of the window.
                due = state.last_seen + timedelta(seconds=self.config.liveness_window)
                left = (due - context.now).total_seconds()
                if left > 0:
                    return Decision(state, timers=[SetTimer(LIVENESS, left)])
                return self._lose(state, context, f"no heartbeat for {self.config.liveness_window:g} s")
            case "forget" if state.at in (EnumHandshake.SILENT, EnumHandshake.REFUSED):
                return Decision(None, events=[self._step(context, EnumStep.FORGOTTEN)])
            case _:
                return Decision(state)

    def _lose(self, state: Handshake, context: Context, reason: str) -> Decision[Handshake]:
        step = EnumStep.EXPIRED if state.at is EnumHandshake.ACTIVE else EnumStep.ACK_TIMED_OUT
        return Decision(
            state.model_copy(update={"at": EnumHandshake.SILENT}),
            events=[self._step(context, step, reason)],
            timers=[CancelTimer(ACK), CancelTimer(LIVENESS), SetTimer(FORGET, self.config.forget_after)],
        )

    def _ask(self, state: Handshake | None, node: str, reason: str) -> Decision[Handshake]:
        return Decision(state, commands=[RequestIntrospection(node_id=node, reason=reason)])

    def _step(
        self, context: Context, step: EnumStep, reason: str = "", registered: NodeIntrospected | None = None
    ) -> RegistrationStepped:
        return RegistrationStepped(
            node_id=context.key, step=step, reason=reason, at=context.now, registered=registered
        )

    def _fault(self, event: NodeIntrospected) -> str:
        """Return the reason why a process may not register. Empty when it may."""
        if event.node_id != node_id(event.env, event.node, event.instance):
            return f"the id {event.node_id!r} does not name {event.env}/{event.node}/{event.instance}"
        if not event.node.endswith(f"_{event.kind.lower()}"):
            return f"{event.node} says it is a {event.kind}"
        if not any(fnmatchcase(event.node, pattern) for pattern in self.config.admit):
            return f"{event.node} is not among the nodes admitted: {', '.join(self.config.admit)}"
        return ""
