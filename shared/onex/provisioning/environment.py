"""Records which environment owns the topics of a cluster, so that a second environment is refused.

The owner is the first claim in a topic whose records do not expire. The broker orders the claims of two provisioners
that start at the same time, so both read the same owner.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from socket import gethostname

from onex.bus.protocols import CLUSTER_DEFAULT, Outgoing, Partition, ProtocolEventBus, ProtocolRecord, TopicState
from onex.errors import BusError, ConfigurationError, MissingTopicError, ProvisioningError
from onex.model.topic import environment_of_group, environment_topic
from onex.wire.skipped import SkippedRecords

NO_EXPIRY: Mapping[str, str] = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Settings of the topic: compaction would move the first claim."""
_CLAIM, _ADOPT = "claim", "adopt"


@dataclass(frozen=True, slots=True)
class Claim:
    """An environment that claimed the topics, with the author and the time of the claim."""

    env: str
    who: str = ""
    at: str = ""
    """ISO 8601, by the clock of the machine that wrote it."""
    why: str = ""
    adopted: bool = False
    """An operator handed the topics over. The claim replaces the owner before it."""


class EnvironmentLog:
    """The claims to all topics with the same prefix."""

    def __init__(self, bus: ProtocolEventBus, prefix: str = "") -> None:
        self._bus = bus
        self._prefix = prefix
        self.topic = environment_topic(prefix)
        self.skipped = SkippedRecords()
        """Records of the topic that are no claims."""

    def owner(self) -> Claim | None:
        """Return the claim that is in force, or None. Raises BusError."""
        owner: Claim | None = None
        for claim in self._claims():
            if owner is None or claim.adopted:
                owner = claim
        return owner

    def claim(self, env: str, topic: TopicState) -> None:
        """Claim topics that have no owner. ``topic`` describes the topic of this log, which is created if missing.

        Raises ProvisioningError when another environment was faster, BusError.
        """
        self._write(_CLAIM, Claim(env, gethostname()), topic)
        owner = self.owner()
        if owner is not None and owner.env != env:
            raise ProvisioningError(refusal(owner.env, env, self._prefix))

    def adopt(self, env: str, who: str, why: str) -> None:
        """Hand the topics over to ``env``, from any owner. Raises BusError."""
        self._write(_ADOPT, Claim(env, who, why=why), TopicState(self.topic, 1, CLUSTER_DEFAULT, NO_EXPIRY))

    def others(self, env: str) -> Mapping[str, str]:
        """Return the other environments with consumer groups of nodes under this prefix, and one group of each.

        They show who used a cluster before there were claims. Raises BusError.
        """
        first_groups: dict[str, str] = {}
        for group in sorted(self._bus.admin.groups()):
            named = environment_of_group(group, self._prefix)
            if named is not None and named[0] != env:
                first_groups.setdefault(named[0], group)
        return first_groups

    def running(self, env: str) -> list[str]:
        """Return the consumer groups of nodes of ``env`` that have members now. Raises BusError."""
        groups = self._bus.admin.groups()
        named = {group: environment_of_group(group, self._prefix) for group, members in groups.items() if members}
        return sorted(group for group, parts in named.items() if parts is not None and parts[0] == env)

    def _claims(self) -> Iterable[Claim]:
        try:
            reader = self._bus.read({Partition(self.topic, 0): 0})
        except MissingTopicError:
            return
        try:
            for record in reader.until_end():
                try:
                    yield _claim_of(record)
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    self.skipped.skip(record, error)
        finally:
            reader.close()

    def _write(self, action: str, claim: Claim, topic: TopicState) -> None:
        if self.topic not in self._bus.admin.topics([self.topic]):
            try:
                self._bus.admin.create([topic])
            except BusError:  # another provisioner may have created it meanwhile
                if self.topic not in self._bus.admin.topics([self.topic]):
                    raise
        facts = {
            "action": action,
            "env": claim.env,
            "who": claim.who,
            "why": claim.why,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._bus.publish(Outgoing(self.topic, json.dumps(facts).encode(), None, []))


def require_environment(bus: ProtocolEventBus, env: str, prefix: str) -> None:
    """Raise ConfigurationError when the topics belong to another environment. Raises BusError.

    Topics without an owner pass: an earlier version created them, and ``onex apply`` claims them.
    """
    owner = EnvironmentLog(bus, prefix).owner()
    if owner is not None and owner.env != env:
        raise ConfigurationError(refusal(owner.env, env, prefix))


def refusal(owner: str, env: str, prefix: str) -> str:
    """Return why an environment cannot use these topics, with the remedy."""
    names = f"with the prefix {prefix!r}" if prefix else "without a prefix"
    return (
        f"the topics {names} on this cluster belong to the environment {owner!r}, and ONEX_ENV is {env!r}; "
        f"set ONEX_ENV={owner}, or set ONEX_TOPIC_PREFIX='{prefix}{env}.' for separate topics, or hand these over "
        f"with `onex env adopt` when {owner!r} no longer exists"
    )


def _claim_of(record: ProtocolRecord) -> Claim:
    """Return the claim in a record. Raises ValueError, TypeError, KeyError or RecursionError for other records.

    Any client may write to the topic.
    """
    data = json.loads(record.value() or b"")
    if not isinstance(data, dict) or data.get("action") not in (_CLAIM, _ADOPT):
        raise ValueError("no claim")
    env = data["env"]
    if not isinstance(env, str) or not env:
        raise ValueError("a claim without an environment")
    who, at, why = (str(data.get(name, "")) for name in ("who", "at", "why"))
    return Claim(env, who, at, why, data["action"] == _ADOPT)
