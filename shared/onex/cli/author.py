"""The options that name who changes something and why. Both are part of the audit entry."""

import getpass
import socket
from typing import Annotated

import typer

from onex.dlq import Author

Who = Annotated[str, typer.Option("--as", help="Who makes the change, for the audit log. Default: user@host.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason of the change, for the audit log.")]
Why = Annotated[str, typer.Option("--why", help="Reason of the change, for the audit log.")]


def author_of(who: str = "", why: str = "") -> Author:
    """Return the author if there is one, else the user of this process at this host."""
    return Author(who or f"{getpass.getuser()}@{socket.gethostname()}", why)
