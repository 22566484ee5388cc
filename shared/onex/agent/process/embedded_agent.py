"""An agent inside of a process that has other work."""

import threading

from onex.agent.process.agent_process import AgentProcess
from onex.agent.process.durations import check_times
from onex.agent.process.ending import logged_end
from onex.agent.process.instance_slot import take_instance_slot
from onex.agent.process.start_steps import StartSteps
from onex.agent.process.watchdog.call_watch import CallWatch
from onex.agent.telemetry.health import Health
from onex.contract import ResolvedNode
from onex.settings import Settings
from onex.util.clock import SystemClock


class EmbeddedAgent:
    """An agent on a thread. It handles no signals and configures no logging: the host process does.

    Its watchdogs end the process with code 70 as they end an agent's own process, when a handler or a client hangs.
    """

    def __init__(self, resolved: ResolvedNode, settings: Settings) -> None:
        """Take an instance slot. Raise ConfigurationError."""
        contract = resolved.contract
        check_times(contract, settings)
        health, clock = Health({"start": "starting"}), SystemClock()
        self._slot = take_instance_slot(settings.home, contract.group(settings.env), settings.instance)
        self._calls = CallWatch(StartSteps(clock, health, settings.start_timeout), clock)
        self._agent = AgentProcess(resolved, settings, self._slot, health, self._calls, handles_signals=False)
        self._thread = threading.Thread(target=self._run, name=contract.name, daemon=True)

    def start(self) -> None:
        """Start the thread. It tries again while brokers, topics or schemas are missing."""
        self._thread.start()

    def ask_stop(self) -> None:
        """Let the agent drain and end."""
        self._agent.ask_stop()

    def wait(self) -> None:
        """Wait until the agent has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            with logged_end():
                self._agent.run()
        finally:
            self._calls.stop()
            self._slot.release()
