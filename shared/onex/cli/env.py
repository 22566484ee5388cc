"""``onex env``: shows and changes the environment that owns the topics of a cluster."""

from typing import Annotated

import typer

from onex.cli.author import Reason, Who, author_of
from onex.cli.bus import open_bus
from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, print_json
from onex.errors import RejectedError
from onex.provisioning.environment import EnvironmentLog
from onex.settings import Settings
from onex.util.printable import one_line

app = typer.Typer(no_args_is_help=True, help="Show and change the environment that owns the topics.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the environment that owns the topics with the configured prefix. Exit code 1 unless it is ONEX_ENV."""
    settings = load_settings(None)
    owner = _log(settings).owner()
    if as_json:
        print_json(
            {
                "env": settings.env,
                "prefix": settings.topic_prefix,
                "owner": owner.env if owner else None,
                "since": owner.at if owner else None,
                "who": owner.who if owner else None,
                "why": owner.why if owner else None,
            }
        )
    else:
        console.print(f"ONEX_ENV           {settings.env}")
        console.print(f"ONEX_TOPIC_PREFIX  {settings.topic_prefix or 'none'}")
        text = f"{owner.env}, since {owner.at}, by {owner.who}" if owner else "none; `onex apply` claims the topics"
        console.print(one_line(f"owner              {text}"))
    if owner is None or owner.env != settings.env:
        raise typer.Exit(Exit.FAILED)


@app.command()
def adopt(
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Make the change. Without it, only show it.")] = False,
    who: Who = "",
) -> None:
    """Hand over the topics with the configured prefix to ONEX_ENV. Stop all agents of their owner first.

    The name of the environment is part of each group: nodes begin at the earliest record on their topics.
    """
    settings = load_settings(None)
    log = _log(settings)

    def checked() -> str:
        if not reason.strip():
            raise RejectedError("--reason is empty")
        owner = log.owner()
        before = [owner.env] if owner else list(log.others(settings.env))
        running = [group for env in before if env != settings.env for group in log.running(env)]
        if running:
            raise RejectedError(f"agents of {', '.join(before)} run: {', '.join(running)}; stop them first")
        return ", ".join(before) or "no environment"

    before = checked()
    console.print(f"{log.topic}: {before} -> {settings.env}")
    if yes:
        author = author_of(who, reason)
        log.adopt(settings.env, author.who, author.why)
    console.print("done" if yes else "nothing is written; --yes hands the topics over")


def _log(settings: Settings) -> EnvironmentLog:
    return EnvironmentLog(open_bus(settings), settings.topic_prefix)
