"""Typed operations on projections in PostgreSQL. A command that is delivered again is not applied again."""

import json
from functools import partial

from node_postgres_adapter_effect.v1_0_0 import projections
from node_postgres_adapter_effect.v1_0_0.models import (
    DeleteProjection,
    ProjectionDeleted,
    ProjectionQueried,
    ProjectionUpserted,
    QueryProjection,
    UpsertProjection,
)
from onex.mixins.alerting import MixinAlerting
from onex.mixins.database import MixinDatabase
from onex.mixins.metrics import MixinMetrics
from onex.mixins.performance_monitoring import MixinPerformanceMonitoring
from onex.node import Context, NodeEffect, RejectedError
from onex.postgres import Inbox, reachable

NAME = "node_postgres_adapter_effect"


class NodePostgresAdapterEffect(MixinAlerting, MixinDatabase, MixinMetrics, MixinPerformanceMonitoring, NodeEffect):
    """Writes use the inbox; queries only read."""

    async def start(self) -> None:
        self.inbox = Inbox(self.database.pool, NAME, (ProjectionUpserted, ProjectionDeleted))
        await self.database.ensure(projections.TABLES)
        await reachable(self.inbox.prepare())

    async def upsert(self, command: UpsertProjection, context: Context) -> ProjectionUpserted:
        try:
            document = json.loads(command.document)
        except json.JSONDecodeError as error:
            raise RejectedError(f"document is not JSON: {error}") from None
        match document:
            case dict():
                done = await reachable(self.inbox.once(context, partial(projections.upsert, command=command)))
                self._count(done)
                return done
            case _:
                raise RejectedError(f"document is a {type(document).__name__}, not an object")

    async def delete(self, command: DeleteProjection, context: Context) -> ProjectionDeleted:
        work = partial(projections.delete, command=command)
        done = await reachable(self.inbox.once(context, work))
        self._count(done)
        return done

    async def query(self, command: QueryProjection, context: Context) -> ProjectionQueried:
        return await reachable(projections.query(self.database.pool, command))

    def _count(self, done: ProjectionUpserted | ProjectionDeleted) -> None:
        outcome = "applied" if done.applied else "stale"
        self.metrics.increment("projection_writes", projection=done.projection, outcome=outcome)
