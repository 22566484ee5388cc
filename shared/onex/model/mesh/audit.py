"""What operators did with dead letters, and nodes with messages, as events: who, what, why."""

from datetime import datetime
from enum import StrEnum

from onex.model.message import Message


class EnumDeadLetterAction(StrEnum):
    """An action on a dead letter. The latest action decides its status."""

    REPLAYED = "replayed"
    """Sent to its node again."""
    PARKED = "parked"
    """Put aside: replay passes it by."""
    REOPENED = "reopened"
    """Taken back into the open ones."""
    DROPPED = "dropped"
    """Dropped for good."""
    EDITED = "edited"
    """Superseded by a mended copy."""
    REDIRECTED = "redirected"
    """Sent to another node, or to another version of its message."""
    SKIPPED = "skipped"
    """A record that ended its node's process became a dead letter: the entry names the record, not the letter."""
    RESET = "reset"
    """The position of a node was set: the entry names topic, partition and offset, not a letter."""
    STATE_DROPPED = "state_dropped"
    """The state of a node was deleted: the entry names its changelog, not a letter."""
    STATE_REBUILT = "state_rebuilt"
    """The same, and the node reads its inputs again from the earliest record."""
    STATE_RESTORED = "state_restored"
    """The state of a node was replaced by that of a checkpoint: the entry names its changelog, not a letter."""
    WORKFLOW_CANCELLED = "workflow_cancelled"
    """A workflow run was cancelled: the entry names node and key, not a letter."""
    WORKFLOW_RERUN = "workflow_rerun"
    """The command of a run that is over was sent again."""
    INTAKE_PAUSED = "intake_paused"
    """The agents of a node take no inputs: the entry names the topic of the orders, not a letter."""
    INTAKE_RESUMED = "intake_resumed"
    """They take inputs again."""
    SCHEDULE_PAUSED = "schedule_paused"
    """A schedule was paused: the entry names the schedule, not a letter, and the order to the scheduler."""
    SCHEDULE_RESUMED = "schedule_resumed"
    """A schedule was resumed."""
    SCHEDULE_RUN = "schedule_run"
    """The command of a schedule was sent in addition to its due times."""
    SCHEDULE_REMOVED = "schedule_removed"
    """A schedule was removed."""
    CHECKPOINT_DELETED = "checkpoint_deleted"
    """A checkpoint of the state of a node was deleted: the entry names its changelog, not a letter."""


class DeadLetterAudited(Message, key="letter"):
    """One entry of the audit."""

    letter: str
    """``topic-partition-offset-timestamp`` of the dead letter."""
    node: str
    action: EnumDeadLetterAction
    who: str
    why: str = ""
    at: datetime
    message_id: str
    detail: str = ""
    """Replay id, place of the mended copy, or what an edit changed."""


class AuditRecorded(Message, key="chain"):
    """One entry of the audit log of a node (``MixinAuditLog``). Each is sealed to the one before it."""

    chain: str
    """Of one process: node, instance, and what tells its runs apart."""
    number: int
    """From 1, without a gap."""
    previous: str
    """Seal of the entry before it."""
    seal: str
    """Hash of everything else."""
    node: str
    what: str
    """Type of the message, or what the node says."""
    outcome: str
    """``received``, then ``done``, ``refused`` or ``failed``; ``recorded`` for what the node says."""
    detail: str
    who: str = ""
    """Who sent the message, where that is known."""
    facts: str
    """JSON, without secrets."""
    message_id: str
    correlation_id: str
    at: datetime
