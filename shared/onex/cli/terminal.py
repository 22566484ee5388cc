"""A console that prints text from any sender as it is: messages may contain rich markup or names of emojis."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from onex.util.printable import one_line, printable

_VALUE = "{}"


def styled(template: str, *values: object) -> Text:
    """Return a text from rich markup in which values replace each ``{}``. Values are plain text in one line."""
    remaining = list(values)
    text = Text()
    for piece in Text.from_markup(template, emoji=False).split(_VALUE, include_separator=True, allow_blank=True):
        if not piece.plain.endswith(_VALUE):
            text.append_text(piece)
            continue
        before, place = piece.divide([len(piece) - len(_VALUE)])
        text.append_text(before)
        value = Text(one_line(remaining.pop(0)))
        for span in place.spans:
            value.stylize(span.style)
        text.append_text(value)
    return text


class Terminal(Console):
    """A console without markup and emojis. It shows control characters escaped."""

    def render_str(self, text: str, **how: object) -> Text:
        """Return the text without reading markup."""
        return super().render_str(printable(text), **{**how, "markup": False, "emoji": False})  # type: ignore[arg-type]

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and escape the text of renderables that were built without :meth:`render_str`."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
