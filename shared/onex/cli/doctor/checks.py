"""All checks of ``onex doctor``, in the order in which they run."""

from collections.abc import Mapping

from onex.cli.doctor.check import Check
from onex.cli.doctor.node_checks import capabilities, dead_letters, registrations, sandbox
from onex.cli.doctor.progress_checks import blocked_partitions, open_transactions, stuck_partitions
from onex.cli.doctor.server_checks import clocks, database
from onex.cli.doctor.topic_checks import durability, foreign, partitioner, topics_and_schemas

CHECKS: Mapping[str, Check] = {
    "topics": topics_and_schemas,
    "durability": durability,
    "partitioner": partitioner,
    "blocked": blocked_partitions,
    "stuck": stuck_partitions,
    "transactions": open_transactions,
    "foreign records": foreign,
    "clocks": clocks,
    "database": database,
    "dead letters": dead_letters,
    "registrations": registrations,
    "sandbox": sandbox,
    "capabilities": capabilities,
}
