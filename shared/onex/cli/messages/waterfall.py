"""A workflow as a waterfall: a bar for each message, from the time of its cause to its own, below its cause."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from onex.cli.messages.follower import Follower, Seen
from onex.util.printable import one_line
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of

_WIDTH = 40
_TRACE = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class Hop:
    """A message, with the times at which its cause and it were written, in milliseconds since 1970."""

    id: str
    cause: str
    name: str
    source: str
    began_ms: int
    written_ms: int
    depth: int
    detail: str
    dead: bool


def hops_of(follower: Follower, wanted: str) -> list[Hop]:
    """Return the messages of a correlation or trace id, each after its cause."""
    seen: dict[str, Seen] = {}
    for item in follower.present():
        if _belongs(item, wanted):
            seen.setdefault(_header(item, h.ID) + ("!" if item.message is None else ""), item)
    return list(_ordered(seen))


def _belongs(item: Seen, wanted: str) -> bool:
    if item.correlation_id == wanted:
        return True
    return bool(_TRACE.match(wanted)) and f"-{wanted}-" in _header(item, h.TRACE_PARENT)


def _ordered(seen: dict[str, Seen]) -> Iterator[Hop]:
    children: dict[str, list[str]] = {}
    for identity, item in seen.items():
        # A dead letter has the id of the message that failed, and is drawn below it.
        cause = identity.removesuffix("!") if identity.endswith("!") else _header(item, h.CAUSATION)
        children.setdefault(cause if cause in seen else "", []).append(identity)

    def below(cause: str, depth: int) -> Iterator[Hop]:
        for identity in sorted(children.get(cause, ()), key=lambda i: seen[i].record.timestamp()[1]):
            item = seen[identity]
            written = item.record.timestamp()[1]
            began = seen[cause].record.timestamp()[1] if cause else written
            yield Hop(
                identity,
                cause,
                item.type_name,
                item.source,
                min(began, written),
                written,
                depth,
                item.detail,
                item.message is None,
            )
            yield from below(identity, depth + 1)

    yield from below("", 0)


def draw(hops: Sequence[Hop]) -> Iterator[Text]:
    """Yield a line for each message: name, node, bar, and milliseconds since its cause."""
    start = min(hop.began_ms for hop in hops)
    span = max(1, max(hop.written_ms for hop in hops) - start)
    names = max(len(one_line(hop.name)) + 2 * hop.depth for hop in hops)
    sources = max(len(one_line(hop.source)) for hop in hops)
    for hop in hops:
        left = round((hop.began_ms - start) / span * _WIDTH)
        length = max(1, round((hop.written_ms - hop.began_ms) / span * _WIDTH))
        bar = " " * left + "█" * min(length, _WIDTH + 1 - left)
        colour = "red" if hop.dead else "cyan"
        yield Text.assemble(
            ("  " * hop.depth + one_line(hop.name)).ljust(names + 2),
            (one_line(hop.source).ljust(sources + 2), "dim"),
            (bar.ljust(_WIDTH + 2), colour),
            f"{hop.written_ms - hop.began_ms:>6} ms  ",
            (one_line(hop.detail) if hop.dead else "", "red"),
        )


def _header(item: Seen, name: str) -> str:
    return headers_of(item.record).get(name, b"").decode(errors="backslashreplace")
