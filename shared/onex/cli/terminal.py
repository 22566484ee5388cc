"""A console to which text of any writer is data: messages may hold what rich takes for markup, or for an emoji."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from onex.util.printable import one_line, printable

_VALUE = "{}"


def styled(template: str, *values: object) -> Text:
    """Return a text from rich markup in which each ``{}`` stands for a value. Values are no markup, and one line."""
    left = list(values)
    made = Text()
    for piece in Text.from_markup(template, emoji=False).split(_VALUE, include_separator=True, allow_blank=True):
        if not piece.plain.endswith(_VALUE):
            made.append_text(piece)
            continue
        before, place = piece.divide([len(piece) - len(_VALUE)])
        made.append_text(before)
        value = Text(one_line(left.pop(0)))
        for span in place.spans:
            value.stylize(span.style)
        made.append_text(value)
    return made


class Terminal(Console):
    """A console to which texts are data: no markup, no emoji, and controls are shown."""

    def render_str(self, text: str, **how: object) -> Text:
        """Return the text as it is."""
        return super().render_str(printable(text), **{**how, "markup": False, "emoji": False})  # type: ignore[arg-type]

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render; what a renderable was made of by hand is escaped as well."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
