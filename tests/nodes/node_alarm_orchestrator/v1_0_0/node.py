"""An orchestrator in code: an alarm clock."""

from node_alarm_orchestrator.v1_0_0.models import AlarmState, Rang, SetAlarm

from onex.node import CancelTimer, Context, Decision, NodeOrchestrator, SetTimer, TimerFired


class NodeAlarmOrchestrator(NodeOrchestrator[SetAlarm, Rang]):
    """Keeps time by durable timers."""

    State = AlarmState

    def decide(
        self, state: AlarmState | None, event: SetAlarm | TimerFired, context: Context
    ) -> Decision[AlarmState]:
        match event:
            case SetAlarm(times=0):
                return Decision(None, timers=[CancelTimer("alarm")])
            case SetAlarm(after=after):
                return Decision(AlarmState(), timers=[SetTimer("alarm", after)])
            case TimerFired():
                rung = (state or AlarmState()).rung + 1
                return Decision(AlarmState(rung=rung), completion=Rang(entity=context.key, number=rung))
