"""A hostile sender in the background of a run: junk among the commands, at a low rate, from begin to end."""

import itertools
import threading

from onex.bus.protocols import ProtocolRecord
from onex.errors import PoisonError
from tests.hostile_corpus import TOPICS, HostileRecord, hostile_records
from tests.raw_producer import RawProducer

COMMANDS = TOPICS[:2] + TOPICS[3:4]
"""Of an orchestrator, a COMPUTE and an EFFECT; the ledger decodes all records of the other topics."""
_MARK = b"x-hostile"
_PAUSE = 0.25
_LARGEST = 100_000


class HostileSender:
    """Junk of the corpus. A broker that is gone may make it send a record twice: then there are two of them."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = RawProducer(bootstrap_servers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True, name="hostile")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more junk; all that was sent is written. Raises RuntimeError when it is not. Once is enough."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._producer.flush()
        self._producer.close()

    def _send(self) -> None:
        corpus = itertools.chain.from_iterable(hostile_records(seed, 100, COMMANDS) for seed in itertools.count(1))
        for record in filter(_is_sent, corpus):
            if self._stop.wait(_PAUSE):
                return
            self._producer.send(record.topic, record.key, record.value, (*record.headers, (_MARK, None)))


def _is_sent(record: HostileRecord) -> bool:
    return record.is_dead_letter and record.topic in COMMANDS and len(record.value or b"") <= _LARGEST


def is_hostile(record: ProtocolRecord) -> bool:
    """Whether the sender wrote a record."""
    try:
        return any(name == _MARK.decode() for name, _ in record.headers() or [])
    except PoisonError:  # nobody else writes such headers
        return True
