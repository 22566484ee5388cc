"""`onex dev` without `--once`: files are followed until there is a request to stop."""

from collections.abc import Callable
from contextlib import ExitStack

from onex.cli.dev.agent_log import AgentLog
from onex.cli.dev.commands import Commands
from onex.cli.dev.display import PlainDisplay
from onex.cli.dev.endings import Endings
from onex.cli.dev.file_watch import FileWatch
from onex.cli.dev.live_roster import LiveRoster
from onex.cli.dev.loop import Step, follow
from onex.cli.dev.modules import SharedModules
from onex.cli.dev.plain_steps import DeadLetterLines, LogLines
from onex.cli.dev.resend import Resend
from onex.cli.dev.rounds import Rounds
from onex.cli.dev.screen import Screen
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.keys import terminal_keys
from onex.settings import Settings


class Following:
    """Rounds, roster, log and keys together. Afterwards ``rounds`` may still run, and ``report`` prints lines."""

    def __init__(self, settings: Settings, commands: Commands, *, screen: bool, log_node: str) -> None:
        self._log = AgentLog(settings)
        self._roster = LiveRoster(commands.top, lambda: self.rounds.successes)
        roster = self._roster
        self._screen = Screen(lambda: roster.rows, self._log, log_node, lambda: roster.remark) if screen else None
        display = self._screen or PlainDisplay(follows=True)
        self.report: Callable[[str], None] = display.line
        self.rounds = Rounds(commands.up, display, servers_first=True)
        self._resend = Resend(settings, commands.send, display.line)
        modules = SharedModules(settings)
        self._watch = FileWatch(lambda: [*settings.services, *modules()])
        self._steps: list[Step] = [
            self._roster,
            self._resend,
            Endings(settings, lambda: self.rounds.is_idle, display.line),
        ]
        if self._screen is not None:
            self._steps.append(self._screen)
        else:
            self._steps.append(DeadLetterLines(lambda: roster.rows, display.line))
            if log_node:
                self._steps.append(LogLines(self._log, log_node, display.line))

    def run(self, stop: StopRequests) -> None:
        """Follow until there is a request to stop, or a key asks for it."""
        with ExitStack() as stack:
            if self._screen is not None:
                stack.enter_context(self._screen)
            key = stack.enter_context(terminal_keys())
            stack.callback(self._roster.stop)
            stack.callback(self._resend.stop)
            follow(self.rounds, self._watch, stop, self._steps, lambda seconds: self._press(key(seconds), stop))

    def _press(self, key: str, stop: StopRequests) -> None:
        match key:
            case "":
                return
            case "q" | "\x03":
                stop.ask()
            case "s":
                self._resend.send()
            case "u":
                self.rounds.want()
            case _ if self._screen is not None:
                self._screen.press(key)
