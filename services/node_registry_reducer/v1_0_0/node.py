"""The registration of every agent process as a finite state machine."""

from node_registry_reducer.v1_0_0.models import (
    DeleteProjection,
    RegisteredNode,
    Registration,
    RegistrationChanged,
    RegistrationStepped,
    UpsertProjection,
)
from onex.model.mesh import EnumRegistrationState as State
from onex.node import Context, Message, NodeReducer, Reduction, RejectedError

PROJECTION = "registration"
_PASSING = {State.PENDING, State.ACCEPTED, State.ACK_RECEIVED}
"""States that the same decision of the orchestrator leaves again. They have no snapshot."""


class NodeRegistryReducer(NodeReducer[Registration]):
    """The contract has the transitions; this class publishes the effects of each."""

    def reduce(
        self, state: Registration | None, event: RegistrationStepped, context: Context
    ) -> Reduction[Registration]:
        reached = State(context.transition_to)
        registered = event.registered or (state.registered if state else None)
        if registered is None:
            raise RejectedError(f"{event.node_id} was never introspected")
        sequence = state.sequence + 1 if state else 1
        changed = RegistrationChanged(
            node_id=event.node_id, was=state.state if state else None, now=reached, reason=event.reason, at=event.at
        )
        if event.step == "forgotten":
            gone = DeleteProjection(projection=PROJECTION, key=event.node_id, sequence=sequence)
            return Reduction(None, intents=[changed, gone])
        intents: list[Message] = [changed]
        if reached not in _PASSING:
            snapshot = RegisteredNode(
                node_id=event.node_id, state=reached, since=event.at, reason=event.reason, registered=registered
            )
            intents += [
                snapshot,
                UpsertProjection(
                    projection=PROJECTION, key=event.node_id, sequence=sequence, document=snapshot.model_dump_json()
                ),
            ]
        return Reduction(Registration(state=reached, registered=registered, sequence=sequence), intents=intents)
