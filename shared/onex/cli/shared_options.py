"""Options that several commands have."""

import inspect
from collections.abc import Callable
from functools import wraps

Command = Callable[..., None]


def with_options(shared: Callable[..., object], name: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of a function to a command.

    The command receives what ``shared`` returns for them as one argument ``name``.
    """
    parameters_of_shared = inspect.signature(shared).parameters

    def with_shared(command: Command) -> Command:
        parameters_of_command = inspect.signature(command).parameters

        @wraps(command)
        def run(**values: object) -> None:
            options = {option: values.pop(option) for option in parameters_of_shared}
            command(**{name: shared(**options)}, **values)

        own = [parameter for parameter in parameters_of_command.values() if parameter.name != name]
        arranged = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *parameters_of_shared.values())]
        setattr(run, "__signature__", inspect.Signature(arranged))  # noqa: B010 - where typer looks
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in arranged}
        return run

    return with_shared
