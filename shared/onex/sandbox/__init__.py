"""Runs generated code apart from this machine's environment, files, processes and network."""

from onex.sandbox.run import Ended, Sandbox

__all__ = ["Ended", "Sandbox"]
