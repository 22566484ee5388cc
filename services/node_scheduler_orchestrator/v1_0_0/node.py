"""Send the commands of schedules when they are due."""

from datetime import datetime, timedelta

from node_scheduler_orchestrator.v1_0_0.models import ChangeSchedule, ScheduleFired, ScheduleState
from onex.mixins.alerting import MixinAlerting
from onex.node import (
    Addressed,
    CancelTimer,
    Context,
    Decision,
    NodeOrchestrator,
    RejectedError,
    SetTimer,
    TimerFired,
)
from onex.schedules import (
    CommandText,
    EnumFiredBy,
    EnumScheduleAction,
    ScheduleDefinition,
    check_definition,
    command_of,
    due_ms_of,
    due_of,
    recurrence_of,
)

DUE, SEND = "due", "send:"
TRY_AGAIN = 300.0
"""Seconds until a schedule whose due time cannot be computed is computed again."""


class NodeSchedulerOrchestrator(MixinAlerting, NodeOrchestrator[ChangeSchedule, ScheduleFired]):
    """One timer per schedule. When it fires, it is set for the next due time before any command is sent.

    Each command has a timer of its own, so that a command that cannot be sent is a dead letter, and ends nothing.
    """

    State = ScheduleState

    def decide(
        self, state: ScheduleState | None, event: ChangeSchedule | TimerFired, context: Context
    ) -> Decision[ScheduleState]:
        match event:
            case ChangeSchedule():
                return self._changed(state, event, context)
            case TimerFired(name=name) if state is None or (state.paused and name == DUE):
                return Decision(state)
            case TimerFired(name="due"):
                return self._due(state, context)
            case TimerFired(name=name):
                return self._sent(state, context, due_of(name.removeprefix(SEND)), EnumFiredBy.CLOCK)

    def _changed(
        self, state: ScheduleState | None, event: ChangeSchedule, context: Context
    ) -> Decision[ScheduleState]:
        if event.action is EnumScheduleAction.SET:
            return self._set(state, event.definition, context)
        if state is None:
            raise RejectedError(f"no schedule {event.schedule}; `onex schedules list` shows all")
        match event.action:
            case EnumScheduleAction.REMOVE:
                return Decision(None, timers=[CancelTimer(DUE)])
            case EnumScheduleAction.RUN:
                return self._sent(state, context, context.now, EnumFiredBy.OPERATOR)
            case EnumScheduleAction.PAUSE:
                return Decision(
                    state.model_copy(update={"paused": True, "next_due": None, "problem": ""}),
                    timers=[CancelTimer(DUE)],
                )
            case EnumScheduleAction.RESUME if state.paused:
                return self._armed(state.model_copy(update={"paused": False}), context)
            case _:
                return Decision(state)

    def _set(
        self, state: ScheduleState | None, definition: ScheduleDefinition | None, context: Context
    ) -> Decision[ScheduleState]:
        if definition is None:
            raise RejectedError("`set` needs a definition")
        try:
            check_definition(definition, context.now)
        except ValueError as error:
            raise RejectedError(str(error)) from None
        if state is None:
            return self._armed(ScheduleState(definition=definition), context)
        before, changed = state.definition, state.model_copy(update={"definition": definition})
        is_timed_as_before = (before.cron, before.zone) == (definition.cron, definition.zone) and not state.problem
        if state.paused or is_timed_as_before:
            return Decision(changed)  # a due time that has passed meanwhile is still carried out
        return self._armed(changed, context)

    def _due(self, state: ScheduleState, context: Context) -> Decision[ScheduleState]:
        """Set the timer for the next due time, and timers for the commands of those that have come."""
        definition, since = state.definition, state.next_due
        if since is None or since > context.now:
            return self._armed(state, context)
        try:
            due, skipped = recurrence_of(definition.cron, definition.zone).to_carry_out(
                since, context.now, definition.after_outage, definition.late_after
            )
        except ValueError as error:
            return self._failed(state, error)
        if skipped is not None:
            state = state.model_copy(update={"skipped_until": skipped})
        armed = self._armed(state, context)
        return Decision(armed.state, timers=[*armed.timers, *(SetTimer(SEND + due_ms_of(d), 0) for d in due)])

    def _armed(self, state: ScheduleState, context: Context) -> Decision[ScheduleState]:
        definition = state.definition
        try:
            next_due = recurrence_of(definition.cron, definition.zone).next_after(context.now)
        except ValueError as error:
            return self._failed(state, error)
        armed = state.model_copy(update={"next_due": next_due, "problem": ""})
        if next_due is None:
            return Decision(armed)
        return Decision(armed, timers=[SetTimer(DUE, (next_due - context.now) / timedelta(seconds=1))])

    def _failed(self, state: ScheduleState, error: ValueError) -> Decision[ScheduleState]:
        """Try again later: an update of the time zones may lack one, and the next one have it."""
        return Decision(state.model_copy(update={"problem": str(error)}), timers=[SetTimer(DUE, TRY_AGAIN)])

    def _sent(
        self, state: ScheduleState, context: Context, due: datetime, fired_by: EnumFiredBy
    ) -> Decision[ScheduleState]:
        cause = context.message_id if fired_by is EnumFiredBy.OPERATOR else ""
        command = command_of(context.key, state.definition, due, cause)
        fired = ScheduleFired(
            schedule=context.key,
            due=due,
            sent_at=context.now,
            fired_by=fired_by,
            topic=state.definition.topic,
            command_id=command.id,
        )
        correlation = context.correlation_id if cause else command.id
        sent = Addressed(
            CommandText(topic=state.definition.topic, text=command.text),
            key=command.key,
            id=command.id,
            correlation_id=correlation,
        )
        return Decision(
            state.model_copy(update={"last_due": due, "last_id": command.id}), commands=[sent], events=[fired]
        )
