"""Commands to topics that a contract does not list, as its ``event_bus.sends_any_command`` allows."""

from functools import lru_cache

from onex.agent.message.envelope import Envelope
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted
from onex.errors import WrongOutputError
from onex.model.contract import ModelContract
from onex.node import Addressed
from onex.schedules import CommandText, require_command_topic
from onex.wire import headers as h
from onex.wire.cloudevents import constant_headers


class AnyCommandWriter:
    """Makes records of commands in JSON, which every node reads in place of Avro.

    A command begins a chain of its own, as one that a client sends: it has no trace and no reply key.
    """

    def __init__(self, contract: ModelContract, limits: TopicLimits) -> None:
        """``limits`` know which topics there are."""
        self._limits = limits
        self._prefix = contract.topic_prefix
        name, version = contract.name, str(contract.contract_version)
        self._constant = lru_cache(maxsize=1000)(lambda topic: constant_headers(topic, name, version, h.JSON))

    def write(
        self, command: CommandText, addressed: Addressed, envelope: Envelope, time: tuple[str, bytes]
    ) -> Emitted:
        """Return the record of a command.

        Raise WrongOutputError for a topic without commands and without a key, RejectedError for a topic that does not
        exist.
        """
        try:
            require_command_topic(command.topic)
        except ValueError as error:
            raise WrongOutputError(str(error)) from None
        if not addressed.key or not addressed.id:
            raise WrongOutputError("a command as text needs a key and an id")
        topic, key = self._prefix + command.topic, addressed.key.encode()
        self._limits.require_topic(topic)
        correlation = addressed.correlation_id.encode() or envelope.correlation
        headers = [
            *self._constant(topic),
            (h.ID, addressed.id.encode()),
            time,
            (h.CORRELATION, correlation),
            (h.CAUSATION, envelope.id),
            (h.SUBJECT, key),
        ]
        return topic, command.text.encode(), key, headers
