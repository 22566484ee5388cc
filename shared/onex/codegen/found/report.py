"""The report of an import as text, by line of the source."""

from onex.codegen.found.convert import FoundContract
from onex.codegen.found.notes import counts
from onex.util.printable import one_line


def report_text(result: FoundContract) -> str:
    """Return the report: how many values were taken, translated and left out, and then each of them."""
    numbers = ", ".join(f"{number} {action}" for action, number in counts(result.notes).items() if number)
    lines = [f"{result.file.name}: {numbers or 'nothing was read'}", ""]
    for note in result.notes:
        reason = f": {note.reason}" if note.reason else ""
        lines.append(one_line(f"{result.file.name}:{note.line}: {note.action}: {note.field}{reason}"))
    lines += [one_line(problem) for problem in result.problems]
    return "\n".join(lines) + "\n"
