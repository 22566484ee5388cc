"""The decoder of nodes that read topics of other writers."""

from itertools import groupby
from operator import methodcaller

from typing_extensions import override

from onex.agent.message.decoding import DecodedInput, Decoder, IgnoredRecord, require_type, with_its_key
from onex.agent.message.envelope import Envelope, read_envelopes
from onex.agent.message.program import Input, Program
from onex.bus.protocols import ProtocolRecord
from onex.errors import RejectedError
from onex.util.interrupts import raise_if_interrupted

_TOPIC = methodcaller("topic")


class AdoptingDecoder(Decoder):
    """Decodes the mesh's own topics as :class:`Decoder` does, and adopts the records of the others.

    The records of a topic's run take one way or the other: own topics cost no more than in another node.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.ignores = any(entry.ignores_others or entry.ignores_tombstones for entry in program.inputs.values())
        self.rekeyed_topics = frozenset(
            topic for topic, entry in program.inputs.items() if entry.adoption and entry.adoption.key_of
        )
        self._own = {topic for topic, entry in program.inputs.items() if entry.adoption is None}

    @override
    def decode(self, records: list[ProtocolRecord]) -> list[DecodedInput | BaseException]:
        """Do as in the base class. An adopted record replaces its original in ``records``."""
        envelopes, readable = read_envelopes(records)
        if not readable:
            return self._one_by_one(records)
        inputs: list[DecodedInput | BaseException] = []
        for topic, run in groupby([*map(_TOPIC, records)]):
            place = slice(len(inputs), len(inputs) + len([*run]))
            if topic in self._own:
                inputs += self._of_one_topic(topic, records[place], envelopes[place])
                continue
            for at in range(place.start, place.stop):
                records[at], decoded = self._adopted(records[at], envelopes[at])
                inputs.append(decoded)
        return inputs

    def _adopted(
        self, record: ProtocolRecord, envelope: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        """Return a record of another writer as it is carried on, and its input or why it has none."""
        try:
            entry = self._inputs.get(record.topic()) or self._replayed(record)
            if entry.adoption is None:
                (decoded,) = self._each([record], [envelope])
                return record, decoded
            if entry.adoption.checks_type:
                require_type(entry, envelope)
            if entry.ignores_tombstones and record.value() is None:
                raise IgnoredRecord
            if entry.type_of is not None:
                entry = _variant(entry, entry.type_of(envelope.header, record.value()))
            message = entry.decode(record.value())
            assert entry.adoption is not None, "all messages of a topic have the same form"
            adopted = entry.adoption.adopt(record, envelope, message)
            if self._needs_key and not envelope.key:
                raise RejectedError(
                    "the record has no key, and state is stored by key; name its field in the contract"
                )
            return adopted, with_its_key((entry, message, envelope))
        except BaseException as error:  # noqa: BLE001 - whatever is wrong with it, it becomes a dead letter
            raise_if_interrupted(error)
            return record, error


def _variant(entry: Input, text: str) -> Input:
    """Return the input of a type. Raise RejectedError, or IgnoredRecord where the contract ignores other types."""
    if (variant := entry.variants.get(text)) is not None:
        return variant
    if entry.ignores_others:
        raise IgnoredRecord
    raise RejectedError(f"the type of the record is none of {', '.join(entry.variants)}")


def decoder_of(program: Program) -> Decoder:
    """Return the decoder of a node."""
    is_own = all(entry.adoption is None for entry in program.inputs.values())
    return Decoder(program) if is_own else AdoptingDecoder(program)
