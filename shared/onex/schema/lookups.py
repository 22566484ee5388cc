"""Schemas by id for an agent: unknown ids are remembered for a while, and looked up on a thread of their own.

Anybody who may write to an input can write any id. So an id that is not known costs nothing until it is looked up,
all ids that wait are looked up together, and one that is not registered is not asked for again for some seconds.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Condition, Lock, Thread
from time import sleep

from onex.errors import BusUnavailableError, SchemaMismatchError, SchemaPendingError
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion
from onex.util.clock import ProtocolClock

REMEMBERED = 5.0
"""Seconds for which an id that is not registered is not looked up again."""
MOST_REMEMBERED = 10_000
MOST_ASKED = 10_000
BETWEEN = 0.5
"""Seconds between two look-ups of ids that may be junk, in an agent."""
_AFTER_FAILURE = 1.0


class SchemaLookups:
    """See :class:`ProtocolSchemaCatalogue`. ``schema_of`` may be called on any thread."""

    def __init__(
        self,
        catalogue: ProtocolSchemaCatalogue,
        clock: ProtocolClock,
        patience: float,
        between: float = BETWEEN,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """``patience``: seconds for which ``schema_of`` waits for a look-up; 0 for callers that must not block.

        ``between``: seconds from a look-up that met an unknown id to the next one.
        ``start`` runs the look-ups, by default on a thread that ends when nothing is asked for.
        """
        self._catalogue = catalogue
        self._clock = clock
        self._patience = patience
        self._start = start or _on_thread
        self._between = between
        self._calls = Lock()
        self._changed = Condition()
        self._known: dict[int, Schema] = {}
        self._unknown: dict[int, float] = {}
        """Monotonic time until which an id counts as unknown, the earliest first."""
        self._asked: set[int] = set()
        self._works = False
        self._failure = ""
        self._failed_until = 0.0

    def schema_of(self, schema_id: int) -> Schema:
        """See the protocol. Raises SchemaPendingError during a look-up, BusUnavailableError after one that failed."""
        if (known := self._known.get(schema_id)) is not None:
            return known
        with self._changed:
            self._require_open(schema_id)
            if len(self._asked) < MOST_ASKED:
                self._asked.add(schema_id)
            starts, self._works = not self._works, True
        if starts:
            self._start(self._look_up)
        with self._changed:
            self._changed.wait_for(lambda: schema_id not in self._asked, self._patience)
            if schema_id in self._known:
                return self._known[schema_id]
            self._require_open(schema_id)
        raise SchemaPendingError(f"schema id {schema_id} is being looked up")

    def _require_open(self, schema_id: int) -> None:
        """Raise what an earlier look-up found out."""
        now = self._clock.monotonic()
        if self._unknown.get(schema_id, now) > now:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown, or not of Avro")
        if now < self._failed_until:
            raise BusUnavailableError(self._failure)

    def _look_up(self) -> None:
        """Until nothing is asked for any more, or a look-up fails: the next ``schema_of`` starts another one."""
        while True:
            with self._changed:
                wanted = frozenset(self._asked)
                if not wanted:
                    self._works = False
                    return
            try:
                found = self.schemas_of(wanted)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer about the ids
                self._failed(error)
                return
            with self._changed:
                self._known |= found
                for schema_id in wanted.difference(found):
                    self._remember(schema_id)
                self._asked -= wanted
                self._changed.notify_all()
            if len(found) < len(wanted):
                sleep(self._between)

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._failure = f"schemas cannot be looked up: {error}"
            self._failed_until = self._clock.monotonic() + _AFTER_FAILURE
            self._asked.clear()
            self._works = False
            self._changed.notify_all()

    def _remember(self, schema_id: int) -> None:
        self._unknown.pop(schema_id, None)
        if len(self._unknown) >= MOST_REMEMBERED:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[schema_id] = self._clock.monotonic() + REMEMBERED

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """See the protocol. Blocks."""
        with self._calls:
            return self._catalogue.schemas_of(schema_ids)

    def id_of(self, subject: str, schema: Schema) -> int:
        """See the protocol. Blocks."""
        with self._calls:
            return self._catalogue.id_of(subject, schema)

    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        """See the protocol. Blocks."""
        with self._calls:
            return self._catalogue.versions(subjects)

    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """See the protocol. Blocks."""
        with self._calls:
            return self._catalogue.register(schemas)


def _on_thread(work: Callable[[], None]) -> None:
    Thread(target=work, name="schemas", daemon=True).start()
