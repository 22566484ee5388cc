"""Writes a syntax tree as `ruff format` writes it: rendering needs no formatter process."""

from onex.codegen.render.printer.modules import formatted

__all__ = ["formatted"]
