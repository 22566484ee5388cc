"""``onex doctor``: finds problems of a mesh, and names their remedies."""

from typing import Annotated, NoReturn

import typer
from rich.text import Text

from onex.cli.bus import open_bus
from onex.cli.doctor.check import CheckContext, Finding, Severity
from onex.cli.doctor.checks import CHECKS
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, print_json
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.errors import BusUnavailableError, OnexError
from onex.util.printable import one_line


def doctor(
    dead_letters: Annotated[int, typer.Option(min=0, help="Dead letters that a node may have.")] = 100,
    window: Annotated[float, typer.Option(min=0.1, help="Seconds in which a partition with lag must move.")] = 3.0,
    skew: Annotated[float, typer.Option(min=0.01, help="Seconds that clocks may differ.")] = 1.0,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Check topics, schemas, partitions, clocks, the database, dead letters and registrations.

    Exit code 1 when there is an error. Warnings alone leave it at 0.
    """
    settings = load_settings(services)
    try:
        bus = open_bus(settings)
    except BusUnavailableError as error:
        what, _, remedy = str(error).rpartition("; ")
        _report([Finding(Severity.ERROR, "broker", what, remedy)], ["broker"], as_json)
    catalogue = open_catalogue(settings, bus)
    context = CheckContext(bus, catalogue, resolve_all(settings), settings, dead_letters, window, skew)
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            findings += check(context)
        except OnexError as error:
            findings.append(_failed_check(name, str(error), "fix the other findings first"))
        except Exception as error:  # noqa: BLE001 - a check that fails must not hide the findings of the others
            findings.append(_failed_check(name, repr(error), "report this, with the records that are named above"))
    _report(findings, ["broker", *CHECKS], as_json)


def _failed_check(name: str, reason: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, name, f"could not be examined: {reason}", remedy)


def _report(findings: list[Finding], examined: list[str], as_json: bool) -> NoReturn:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if as_json:
        print_json(
            {
                "healthy": not errors,
                "examined": examined,
                "findings": [
                    {"severity": f.severity, "check": f.check, "what": f.what, "remedy": f.remedy} for f in findings
                ],
            }
        )
    else:
        for name in examined:
            of_check = [finding for finding in findings if finding.check == name]
            if not of_check:
                console.print(styled("[green]ok[/]       {}", name))
            for finding in of_check:
                colour = "red" if finding.severity is Severity.ERROR else "yellow"
                words = one_line(f"{name}: {finding.what}; {finding.remedy}")
                console.print(Text(f"{finding.severity:<8}", colour), words)
    raise typer.Exit(Exit.FAILED if errors else Exit.OK)
