"""The last check of a rendered module."""

from onex.codegen.render.printer import formatted
from onex.codegen.render.shape import Shape
from onex.codegen.render.verify import verified
from onex.errors import RejectedError


def checked(rendered: str, shape: Shape | None, what: str) -> str:
    """Return the module, formatted and with exactly the content of its shape. Raise RejectedError.

    Without a shape, that of a project's own template, it stays as it was rendered, and must only be Python.
    """
    try:
        source = formatted(rendered)
        compile(source, "<rendered>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RejectedError(f"{what}: the rendered code is no Python: {error}") from None
    return rendered if shape is None else verified(source, shape, what)
