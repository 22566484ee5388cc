"""In which traces an agent makes spans: in all that were sampled, but not in more than a limit allows."""

from secrets import randbits
from typing import Final

from onex.agent.message.envelope import Envelope

_LENGTH: Final = 55
"""Of a ``traceparent``: version, trace id, parent id, flags."""
_NOT_SAMPLED: Final = b"02468ace"
"""Last digits of the flags without the last bit (W3C Trace Context, 3.2.2.5)."""
_RANDOM: Final = slice(21, 35)
"""The last 56 bits of the trace id, which W3C Trace Context (level 2, 3.2.2.3) wants to be random."""
_RANGE: Final = 1 << 56
_WINDOW_NS: Final = 1_000_000_000


class TraceSampling:
    """At most ``most`` messages a second, 0 for no limit.

    Spans cost more than most messages do, so a busy agent must leave traces out. Which ones follows from the trace id
    and the rate of the second before, as OpenTelemetry's consistent sampling has it: agents with the same rate choose
    the same traces, one with a higher rate some of theirs, so that the traces that are there are as whole as they can
    be. A message that is left out passes its trace context on as it is; one that has none gets one that says "not
    sampled", because nodes behind this one shall not begin a trace in the middle.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._least = b""
        """Trace ids from here on are taken."""
        self._offered = self._taken = 0
        self._since_ns = 0

    def polled(self, now_ns: int) -> None:
        """A batch has arrived; once a second the share is set anew."""
        passed = now_ns - self._since_ns
        if not self._most or passed < _WINDOW_NS:
            return
        expected = self._offered * _WINDOW_NS / passed
        self._least = b"%014x" % round((1 - self._most / expected) * _RANGE) if expected > self._most else b""
        self._offered = self._taken = 0
        self._since_ns = now_ns

    def takes(self, envelope: Envelope) -> bool:
        """Whether to make spans for a message."""
        parent = envelope.trace_parent
        if parent is not None and len(parent) == _LENGTH:
            return parent[-1:] not in _NOT_SAMPLED and (not self._most or self._fits(parent))
        if not self._most:
            return True
        parent = b"00-%032x-%016x-00" % (randbits(128) | 1, randbits(64) | 1)
        if self._fits(parent):
            return True
        envelope.trace_parent = parent
        return False

    def _fits(self, parent: bytes) -> bool:
        self._offered += 1
        if self._taken >= self._most or parent[_RANDOM] < self._least:
            return False
        self._taken += 1
        return True
