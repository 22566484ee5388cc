"""One line, or one JSON document, for a message that a command has seen."""

import json

from rich.text import Text

from onex.cli.messages.follower import Seen
from onex.cli.output import console, print_json
from onex.util.printable import one_line


def print_seen(seen: Seen, seconds: float, *, as_json: bool) -> None:
    """Print a message, and the seconds from the start of the command until it came."""
    if as_json:
        print_json(
            {
                "after_s": round(seconds, 3),
                "type": seen.type_name,
                "source": seen.source,
                "correlation_id": seen.correlation_id,
                "topic": seen.record.topic(),
                "message": json.loads(seen.message.to_stored_json()) if seen.message else None,
                "detail": None if seen.message else seen.detail,
            }
        )
        return
    colour = "red" if seen.type_name == "dead letter" else "cyan"
    name, source = f"{one_line(seen.type_name):<22}", f"{one_line(seen.source):<34}"
    facts = (name, colour), " ", (source, "dim"), " ", one_line(seen.detail)
    console.print(Text.assemble((f"{seconds:8.3f}", "dim"), "  ", *facts))
