"""Checks of partitions that do not move."""

import time
from collections.abc import Iterator

from onex.bus.topics import all_partitions
from onex.cli.doctor.check import CheckContext, Finding, Severity
from onex.cli.stack.agent_files import agent_infos, readiness_of
from onex.model.mesh.health import BLOCKED
from onex.util.printable import one_line


def stuck_partitions(context: CheckContext) -> Iterator[Finding]:
    """Find partitions with lag whose committed offset does not move within the window."""
    before = {lag.partition: lag for view in context.views for lag in view.lags if lag.lag}
    if not before:
        return
    time.sleep(context.window)
    for view in context.survey.look():
        stuck = [
            lag
            for lag in view.lags
            if lag.lag and lag.partition in before and before[lag.partition].committed == lag.committed
        ]
        if not stuck:
            continue
        if view.pause is not None:
            who, when = one_line(view.pause.who), f"{view.pause.at:%Y-%m-%d %H:%M:%S}"
            waiting = sum(lag.lag for lag in stuck)
            yield Finding(
                Severity.WARNING,
                "paused",
                f"{view.name} is paused by {who} since {when}, and {waiting} records wait",
                f"`onex resume {view.name}` before their topics delete them",
            )
            continue
        names = ", ".join(f"{lag.partition.topic}[{lag.partition.partition}]" for lag in stuck)
        if not view.instances:
            remedy = f"no process of it is registered; start one: `onex run {view.name}`"
        else:
            reasons = sorted({reason for entry in view.instances for reason in entry.reasons})
            reported = "; ".join(reasons) or "its processes report nothing wrong"
            remedy = f"{reported}; see `onex node show {view.name}` and its log"
        lag_sum = sum(lag.lag for lag in stuck)
        yield Finding(
            Severity.ERROR,
            "stuck",
            f"{view.name} has not moved for {context.window:g} s with {lag_sum} records waiting on {names}",
            remedy,
        )


def blocked_partitions(context: CheckContext) -> Iterator[Finding]:
    """Find blocked partitions, from the registry and from the agents of this machine."""
    reasons = {
        (entry.node.node_id, reason)
        for view in context.views
        for entry in view.instances
        for reason in entry.reasons
        if reason.startswith(BLOCKED)
    }
    for info in agent_infos(context.settings):
        process, readiness = f"{context.settings.env}/{info.node}/{info.instance}", readiness_of(info)
        if readiness is not None:
            reasons |= {
                (process, f"{about}: {why}") for about, why in readiness.reasons.items() if about.startswith(BLOCKED)
            }
    for process, reason in sorted(reasons):
        what, _, remedy = reason.partition("; ")
        yield Finding(Severity.ERROR, "blocked", f"{process}: {what}", remedy)


def open_transactions(context: CheckContext) -> Iterator[Finding]:
    """Find transactions that stay open: no node reads the records after them."""
    topics = sorted({topic for node in context.nodes for topic in (*node.routes, *node.outputs.values())})
    found = context.bus.admin.topics(topics)
    partitions = all_partitions(found.values())
    age = 2 * context.settings.transaction_timeout_ms / 1000
    late = context.bus.admin.offsets_at(partitions, round((time.time() - age) * 1000))
    for partition, offset in context.bus.admin.stable_ends(partitions).items():
        if offset < late[partition]:
            place = f"--topic {partition.topic} --partition {partition.partition} --start-offset {offset}"
            yield Finding(
                Severity.ERROR,
                "transactions",
                f"{partition.topic}[{partition.partition}] is held back by a transaction open for over {age:g} s",
                f"if its producer is gone: kafka-transactions.sh abort {place}; see docs/operations.md",
            )
