"""Replay: the original bytes go to the node's retry topic, which no other group reads."""

from collections.abc import Sequence

from onex.agent import dead_letter as d
from onex.bus import headers as h
from onex.bus.protocols import Headers, Outgoing, ProtocolEventBus
from onex.dlq.letters import DeadLetter
from onex.model.contract import ModelContract


def replay(bus: ProtocolEventBus, contract: ModelContract, letters: Sequence[DeadLetter]) -> int:
    """Send dead letters back to the failing node, to the partition they came from; gives how many.

    The message id stays the same, so what the node puts out has the ids it would have had.
    """
    bus.publish_batch([_outgoing(contract, letter) for letter in letters])
    return len(letters)


def _outgoing(contract: ModelContract, letter: DeadLetter) -> Outgoing:
    record = letter.record
    replays = int(letter.facts.get("replays", "0")) + 1
    own = {h.ORIGINAL_TOPIC, h.ID}
    headers: Headers = [pair for pair in letter.original_headers if pair[0] not in own]
    headers += [
        (h.ID, letter.facts["message-id"].encode()),
        (h.ORIGINAL_TOPIC, letter.facts["topic"].encode()),
        (d.REPLAYS, str(replays).encode()),
        (d.PARENT, f"{record.topic()}-{record.partition()}-{record.offset()}".encode()),
    ]
    return Outgoing(contract.retry_topic, record.value(), record.key(), headers, int(letter.facts["partition"]))
