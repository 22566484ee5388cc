"""Arguments of ``onex generate`` in the forms in which they are typed."""

import re
from collections.abc import Sequence

LATEST = "latest"
"""Means the id of the newest backup."""
_RESTORE = "--restore"
_BACKUP_ID = re.compile(rf"\d{{8}}T\d{{6}}\.\d{{6}}Z|{LATEST}", re.ASCII)


def completed(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of ``onex`` with what may be left out, and with the command of ``generate report``.

    ``--restore`` may stand alone: the next argument is its value when it has the form of a backup's id. A contract or
    folder with the name ``report`` is ``./report``.
    """
    match arguments:
        case ["generate", "report", *others]:
            return ["report", *others]
        case ["generate", *others]:
            return ["generate", *with_backup_id(others)]
        case _:
            return list(arguments)


def with_backup_id(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of the command with an id after ``--restore``."""
    if _RESTORE not in arguments:
        return list(arguments)
    after = arguments.index(_RESTORE) + 1
    has_id = after < len(arguments) and _BACKUP_ID.fullmatch(arguments[after]) is not None
    return [*arguments[:after], *([] if has_id else [LATEST]), *arguments[after:]]
