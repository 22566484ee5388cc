"""Agents that ended without a signal of the test, by exit code."""

import signal
from collections import Counter, defaultdict
from collections.abc import Collection

_LINES = 40
_TOLD = 6


class Ends:
    """Counted over a whole run. The product's own ends count, too: the watchdog's code 70 is a call that hung."""

    def __init__(self) -> None:
        self._found: dict[int, Counter[str]] = defaultdict(Counter)

    def note(self, node: str, code: int | None, expected: Collection[int] = ()) -> None:
        """An agent has ended with this code; None means that it still runs."""
        if code is not None and code not in expected:
            self._found[code][node] += 1

    def total(self) -> int:
        """How many there were."""
        return sum(nodes.total() for nodes in self._found.values())

    def summary(self) -> str:
        """One line for each code, with the nodes."""
        if not self._found:
            return "no agent ended by itself"
        lines = [f"{self.total()} agents ended by themselves:"]
        for code, nodes in sorted(self._found.items()):
            names = ", ".join(f"{name} {count}" for name, count in sorted(nodes.items()))
            lines.append(f"  {name_of(code):<9} {nodes.total():3}  ({names})")
        return "\n".join(lines)


def last_words(log: str) -> str:
    """The watchdog's line when it spoke, else the end of the log. A crash in C adds nothing."""
    lines = log.splitlines()[-_LINES:]
    critical = [line for line in lines if '"level": "critical"' in line]
    return critical[-1] if critical else "\n      ".join(["it wrote last", *lines[-_TOLD:]])


def name_of(code: int) -> str:
    """``SIGSEGV`` for -11, else the code itself."""
    try:
        return signal.Signals(-code).name if code < 0 else f"code {code}"
    except ValueError:
        return f"signal {-code}"
