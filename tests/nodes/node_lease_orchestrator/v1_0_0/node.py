"""A lease whose timer belongs to its state."""

from node_lease_orchestrator.v1_0_0.models import EndLease, LeaseEnded, LeaseNoted, LeaseState, TakeLease

from onex.node import CancelTimer, Context, Decision, Message, NodeOrchestrator, SetTimer, TimerFired


class NodeLeaseOrchestrator(NodeOrchestrator[TakeLease, LeaseEnded]):
    """Starts the timer when a lease is taken, and cancels it when the lease is no longer taken."""

    State = LeaseState

    def decide(
        self, state: LeaseState | None, event: TakeLease | EndLease | TimerFired, context: Context
    ) -> Decision[LeaseState]:
        match event:
            case TakeLease():
                return Decision(LeaseState(seconds=event.seconds))
            case EndLease():
                return Decision(state, completion=LeaseEnded(lease=context.key, how="ended"))
            case TimerFired():
                return Decision(state, completion=LeaseEnded(lease=context.key, how="expired"))

    def start_timer(self, state: LeaseState, event: Message, context: Context) -> Decision[LeaseState]:
        timer = SetTimer("expiry", state.seconds)
        return Decision(state, timers=[timer], events=[LeaseNoted(lease=context.key, what="started")])

    def stop_timer(self, state: LeaseState, event: Message, context: Context) -> Decision[LeaseState]:
        timers = [CancelTimer("expiry")]
        return Decision(state, timers=timers, events=[LeaseNoted(lease=context.key, what="stopped")])
