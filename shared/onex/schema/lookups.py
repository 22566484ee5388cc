"""Schemas by id for an agent: looks unknown ids up on another thread, and caches for a while that an id is unknown.

Any client that may write to an input can write any id. So an unknown id costs nothing until it is looked up, all
pending ids are looked up together, and an id that is not registered is not looked up again for some seconds.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Condition, Lock, Thread
from time import sleep

from typing_extensions import override

from onex.errors import BusUnavailableError, SchemaMismatchError, SchemaPendingError
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion
from onex.util.clock import ProtocolClock

UNKNOWN_FOR = 5.0
"""Seconds for which an id that is not registered is not looked up again."""
MOST_UNKNOWN = 10_000
MOST_PENDING = 10_000
BETWEEN = 0.5
"""Seconds between two look-ups of ids that may be junk, in an agent."""
_AFTER_FAILURE = 1.0


class SchemaLookups(ProtocolSchemaCatalogue):
    """A catalogue whose ``schema_of`` may be called on any thread. The other methods block, one call at a time."""

    def __init__(
        self,
        catalogue: ProtocolSchemaCatalogue,
        clock: ProtocolClock,
        patience: float,
        between: float = BETWEEN,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """``patience``: seconds for which ``schema_of`` waits for a look-up; 0 for callers that must not block.

        ``between``: seconds from a look-up with an unknown id to the next one.
        ``start`` runs the look-ups, by default on a thread that ends when no id is pending.
        """
        self._catalogue = catalogue
        self._clock = clock
        self._patience = patience
        self._start = start or _on_thread
        self._between = between
        self._calls = Lock()
        self._changed = Condition()
        self._schemas: dict[int, Schema] = {}
        self._unknown: dict[int, float] = {}
        """Monotonic time until which an id counts as unknown, the earliest first."""
        self._pending: set[int] = set()
        self._is_running = False
        self._failure = ""
        self._failed_until = 0.0

    @override
    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id, within ``patience`` seconds.

        Raises SchemaMismatchError for an id that is not registered, SchemaPendingError during a look-up, and
        BusUnavailableError after one that failed.
        """
        if (schema := self._schemas.get(schema_id)) is not None:
            return schema
        with self._changed:
            self._require_open(schema_id)
            if len(self._pending) < MOST_PENDING:
                self._pending.add(schema_id)
            starts, self._is_running = not self._is_running, True
        if starts:
            self._start(self._look_up)
        with self._changed:
            self._changed.wait_for(lambda: schema_id not in self._pending, self._patience)
            if schema_id in self._schemas:
                return self._schemas[schema_id]
            self._require_open(schema_id)
        raise SchemaPendingError(f"schema id {schema_id} is being looked up")

    def _require_open(self, schema_id: int) -> None:
        """Raise the result of an earlier look-up: an unknown id, or a failure."""
        now = self._clock.monotonic()
        if self._unknown.get(schema_id, now) > now:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown, or not of Avro")
        if now < self._failed_until:
            raise BusUnavailableError(self._failure)

    def _look_up(self) -> None:
        """Look pending ids up until there are none, or a look-up fails. The next ``schema_of`` starts another one."""
        while True:
            with self._changed:
                pending = frozenset(self._pending)
                if not pending:
                    self._is_running = False
                    return
            try:
                schemas = self.schemas_of(pending)
            except Exception as error:  # noqa: BLE001 - any error says nothing about the ids
                self._failed(error)
                return
            with self._changed:
                self._schemas |= schemas
                for schema_id in pending.difference(schemas):
                    self._mark_unknown(schema_id)
                self._pending -= pending
                self._changed.notify_all()
            if len(schemas) < len(pending):
                sleep(self._between)

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._failure = f"schemas cannot be looked up: {error}"
            self._failed_until = self._clock.monotonic() + _AFTER_FAILURE
            self._pending.clear()
            self._is_running = False
            self._changed.notify_all()

    def _mark_unknown(self, schema_id: int) -> None:
        self._unknown.pop(schema_id, None)
        if len(self._unknown) >= MOST_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[schema_id] = self._clock.monotonic() + UNKNOWN_FOR

    @override
    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        with self._calls:
            return self._catalogue.schemas_of(schema_ids)

    @override
    def id_of(self, subject: str, schema: Schema) -> int:
        with self._calls:
            return self._catalogue.id_of(subject, schema)

    @override
    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        with self._calls:
            return self._catalogue.versions(subjects)

    @override
    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        with self._calls:
            return self._catalogue.register(schemas)


def _on_thread(work: Callable[[], None]) -> None:
    Thread(target=work, name="schemas", daemon=True).start()
