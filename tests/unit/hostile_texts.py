"""Texts that break terminals, encodings, markup, numbers, paths and times; and commands that get them everywhere.

Commands and their parameters come from the application itself: a new command is tested without a change here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category

import typer
from typer.core import TyperGroup

from onex.cli.main import app

# As a path, none of them leads out of the folder in which a command runs: some options write to it.
HOSTILE: Sequence[str] = [
    "",
    " ",
    "\x00",
    "e\x1b[2J\x1b]0;owned\x07",
    "\x9b31mred\x85next",
    "a\r\n0:1  open\tbug\x08",
    "\u202eevil\u2066\u200b\ufeff\U000e0041",
    "line\u2028separator\u2029",
    "[red]hi[/red] [a-z]",
    "[/]",
    "[link=http://x]y[/link] [/x]",
    "\\[bold] \\",
    ":bug: :+1:",
    "{} {0!r} %s %n ${HOME}",
    "\udcff\udcfe",
    "lone \ud800",
    "x" * 70_000,
    "no/../such/file",
    "nowhere/\x1b",
    "@missing",
    "-",
    "--",
    "9" * 5000,
    "-1",
    "1e999",
    "nan",
    "-inf",
    "0:9223372036854775808",
    "\u00b2-\u0663",
    "0001-01-01",
    "9999-12-31T23:59:59-12:00",
    "999999999999d",
    "100000d",
    "'\"`;$(x)",
    "entity=\x1b[2J",
    "[=[/]",
    '{"entity": "\\ud800"}',
    "[" * 20_000,
    "0/s",
]
GOOD: Mapping[str, str] = {
    "node": "node_unruly_effect",
    "name": "node_unruly_effect",
    "key": "e",
    "place": "0:0",
    "command": "unruly.act",
    "payload": '{"entity": "e"}',
    "topic": "onex.cmd.unruly.act.v1",
    "to": "latest",
    "partition": "0",
    "offset": "0",
    "correlation": "trail",
    "paths": "contract.yaml",
    "changes": "mood=good",
    "project": "shop",
}
"""By parameter; others get a text or number."""
SHORT: Mapping[str, Sequence[str]] = {
    "watch": ["--timeout", "0.05", "--from-beginning"],
    "top": ["--once", "--interval", "0.2"],
    "send": ["--timeout", "0.1"],
    "doctor": ["--window", "0.1"],
    "workflows cancel": ["--timeout", "0.1"],
}
"""Options that let a command end soon."""
OF_STATE = {"state", "offsets"}
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Target:
    """One parameter of one command, and the arguments that a call needs besides."""

    command: str
    parameter: str
    before: Sequence[str]
    """Options and arguments before it."""
    after: Sequence[str] = ()

    def call(self, text: str) -> list[str]:
        """The command line in which the parameter has this text."""
        return [*self.command.split(), *self.before, text, *self.after]


def targets() -> Iterator[Target]:
    """Every parameter that takes a text, of every command."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    with root.make_context("onex", [], resilient_parsing=True) as context:
        for name in root.list_commands(context):
            found = root.get_command(context, name)
            assert found is not None
            yield from _targets_below(name, found)
    yield Target("", "the command", [])


def _targets_below(name: str, command: object) -> Iterator[Target]:
    match command:
        case TyperGroup(commands=commands):
            for inner, below in commands.items():
                yield from _targets_below(f"{name} {inner}", below)
        case _:
            yield from _targets(name, getattr(command, "params"))  # noqa: B009


def _targets(command: str, params: Sequence[object]) -> Iterator[Target]:
    arguments = [p for p in params if getattr(p, "param_type_name", "") == "argument"]
    options = [p for p in params if p not in arguments]
    needed = [part for option in options if getattr(option, "required", False) for part in _given(option)]
    needed += SHORT.get(command, ())
    good = [_good(command, argument) for argument in arguments]
    for index, argument in enumerate(arguments):
        yield Target(command, str(getattr(argument, "name")), [*needed, "--", *good[:index]], good[index + 1 :])  # noqa: B009
    for option in options:
        if not getattr(option, "is_flag", False) and "help" not in getattr(option, "opts"):  # noqa: B009
            yield Target(command, str(getattr(option, "name")), [*needed, _flag(option)], ["--", *good])  # noqa: B009
    if not arguments and not options:
        yield Target(command, "a surplus argument", [])


def _flag(option: object) -> str:
    return max(getattr(option, "opts"), key=len)  # type: ignore[no-any-return]  # noqa: B009


def _given(option: object) -> list[str]:
    return [_flag(option), _good("", option)]


def _good(command: str, parameter: object) -> str:
    name = str(getattr(parameter, "name", ""))
    if name == "node" and command.split(" ")[0] in ("state",):
        return "node_tally_reducer"
    return GOOD.get(name, "1")


def obeyed(output: str) -> list[str]:
    """Characters of an output that a terminal would obey, or not show."""
    return sorted({c for c in output if c != "\n" and category(c) in INVISIBLE})
