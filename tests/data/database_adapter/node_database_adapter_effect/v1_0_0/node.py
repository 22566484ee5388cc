"""An adapter for executions of workflows, written without capabilities."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from node_database_adapter_effect.v1_0_0 import pool
from node_database_adapter_effect.v1_0_0.adapter_metrics import AdapterMetrics
from node_database_adapter_effect.v1_0_0.circuit_breaker import DatabaseCircuitBreaker
from node_database_adapter_effect.v1_0_0.crud import CrudHandlers, Table
from node_database_adapter_effect.v1_0_0.dead_letters import DeadLetterPolicy
from node_database_adapter_effect.v1_0_0.health import HealthChecks
from node_database_adapter_effect.v1_0_0.models import (
    AdapterInspected,
    ChangeStatus,
    ExecutionRead,
    ExecutionRecorded,
    ExecutionRemoved,
    InspectAdapter,
    ReadExecution,
    RecordExecution,
    RemoveExecution,
    StatusChanged,
)
from node_database_adapter_effect.v1_0_0.pool import ProtocolConnection, ProtocolPool
from node_database_adapter_effect.v1_0_0.retries import RetryPolicy
from node_database_adapter_effect.v1_0_0.security_validator import SecurityValidator
from node_database_adapter_effect.v1_0_0.structured_log import StructuredLog

from onex.node import Context, Message, NodeEffect, RejectedError

T = TypeVar("T")
SHOWN = 40
"""Characters of a note that are shown."""
EXECUTIONS = Table("adapter_executions", "execution_id", ("workflow", "status", "note"))


class NodeDatabaseAdapterEffect(NodeEffect):
    """Every command is validated, measured, guarded by the circuit, and retried, in this order."""

    async def start(self) -> None:
        """Open the pool and create the table."""
        self._log = StructuredLog("database_adapter")
        self._metrics = AdapterMetrics()
        self._circuit = DatabaseCircuitBreaker(self._log, asyncio.get_running_loop().time)
        self._retry = RetryPolicy(self._log, self._metrics)
        self._dead_letters = DeadLetterPolicy(self._log, self._metrics)
        self._validator = SecurityValidator()
        self._health = HealthChecks(self._log)
        self._crud = CrudHandlers(EXECUTIONS)
        self._pool: ProtocolPool = await pool.connect()
        self._health.register("database", self._ping)
        await self._dead_letters.call(lambda: self._in_transaction(self._create))
        self._log.info("started")

    async def stop(self) -> None:
        """Close the pool."""
        self._log.info("stopped", metrics=self._metrics.snapshot())
        await self._pool.close()

    async def record(self, command: RecordExecution, context: Context) -> ExecutionRecorded:
        """Insert or update an execution."""
        self._validator.validate_status(command.status)
        values = command.model_dump()

        async def work(connection: ProtocolConnection) -> ExecutionRecorded:
            row = await self._crud.upsert(connection, values, ("status", "note"))
            return ExecutionRecorded(execution_id=command.execution_id, status=str(row["status"]))

        return await self._guarded("record", command, context, work)

    async def read(self, command: ReadExecution, context: Context) -> ExecutionRead:
        """Return an execution."""

        async def work(connection: ProtocolConnection) -> ExecutionRead:
            row = await self._crud.get(connection, command.execution_id)
            if row is None:
                raise RejectedError(f"there is no execution {command.execution_id}")
            return ExecutionRead(
                execution_id=command.execution_id,
                workflow=str(row["workflow"]),
                status=str(row["status"]),
                note=str(row["note"])[:SHOWN],
            )

        return await self._guarded("read", command, context, work)

    async def change(self, command: ChangeStatus, context: Context) -> StatusChanged:
        """Change the status of an execution."""
        self._validator.validate_status(command.status)

        async def work(connection: ProtocolConnection) -> StatusChanged:
            row = await self._crud.update(connection, command.execution_id, "status", command.status)
            if row is None:
                raise RejectedError(f"there is no execution {command.execution_id}")
            return StatusChanged(execution_id=command.execution_id, status=str(row["status"]))

        return await self._guarded("change", command, context, work)

    async def remove(self, command: RemoveExecution, context: Context) -> ExecutionRemoved:
        """Delete an execution."""

        async def work(connection: ProtocolConnection) -> ExecutionRemoved:
            removed = await self._crud.delete(connection, command.execution_id)
            return ExecutionRemoved(execution_id=command.execution_id, removed=removed)

        return await self._guarded("remove", command, context, work)

    async def inspect(self, command: InspectAdapter, context: Context) -> AdapterInspected:
        """Return the health of the adapter."""
        return AdapterInspected(execution_id=command.execution_id, healthy=await self._health.is_healthy())

    async def _guarded(
        self,
        operation: str,
        command: Message,
        context: Context,
        work: Callable[[ProtocolConnection], Awaitable[T]],
    ) -> T:
        self._log.info("command", operation=operation, correlation_id=context.correlation_id)
        with self._metrics.timer(operation):
            self._validator.validate(command)
            return await self._dead_letters.call(
                lambda: self._circuit.call(lambda: self._retry.call(lambda: self._in_transaction(work)))
            )

    async def _in_transaction(self, work: Callable[[ProtocolConnection], Awaitable[T]]) -> T:
        async with self._pool.acquire() as connection, connection.transaction():
            return await work(connection)

    async def _create(self, connection: ProtocolConnection) -> str:
        return await connection.execute(EXECUTIONS.definition)

    async def _ping(self) -> object:
        async with self._pool.acquire() as connection:
            return await connection.fetch("SELECT 1")
