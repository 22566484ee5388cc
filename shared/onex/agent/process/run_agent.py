"""Starts one agent: from a contract on disk to the end of its process."""

import os
from pathlib import Path

from onex.agent.process.agent_process import AgentProcess
from onex.agent.process.durations import check_times
from onex.agent.process.ending import logged_end, show_crashes
from onex.agent.process.instance_slot import take_instance_slot
from onex.agent.process.logs import configure_logs
from onex.agent.process.start_steps import StartSteps
from onex.agent.process.watchdog.call_watch import CallWatch
from onex.agent.telemetry.health import Health
from onex.contract import ResolvedNode, resolve_node
from onex.contract.unfinished import refuse_unfinished
from onex.errors import OnexError
from onex.settings import Settings
from onex.util.clock import SystemClock


def run_agent(path: Path, settings: Settings, *, allow_unfinished: bool = False) -> int:
    """Run one instance of the node in ``path`` until SIGTERM; return the exit code.

    Raises ContractError, also for a node with unfinished handlers unless these are allowed, and ConfigurationError.
    """
    health, calls = _starting(settings)
    with calls.steps.step("loading the node"), logged_end(OnexError, OSError):
        resolved = resolve_node(path, settings.topic_prefix, environment=os.environ)
        if not allow_unfinished:
            refuse_unfinished([resolved])
    return _run(resolved, settings, health, calls)


def run_resolved(resolved: ResolvedNode, settings: Settings) -> int:
    """Run one instance of a node until SIGTERM; return the exit code. Raises ConfigurationError."""
    return _run(resolved.with_prefix(settings.topic_prefix), settings, *_starting(settings))


def _starting(settings: Settings) -> tuple[Health, CallWatch]:
    configure_logs(settings)  # again in _run, when the names of node and instance are known
    show_crashes()
    health = Health({"start": "starting"})
    clock = SystemClock()
    return health, CallWatch(StartSteps(clock, health, settings.start_timeout), clock)


def _run(resolved: ResolvedNode, settings: Settings, health: Health, calls: CallWatch) -> int:
    contract = resolved.contract
    check_times(contract, settings)
    slot = take_instance_slot(settings.home, contract.group(settings.env), settings.instance)
    configure_logs(settings, node=contract.name, instance=slot.name)
    try:
        with logged_end():
            return AgentProcess(resolved, settings, slot, health, calls).run()
    finally:
        slot.release()
        calls.stop()
