"""The bodies of the handlers of a generated node: what the contract states, and nothing else."""

from onex.codegen.render.bodies.bodies import bodies_of, unfinished_inputs
from onex.codegen.render.bodies.body import Body, Import

__all__ = ["Body", "Import", "bodies_of", "unfinished_inputs"]
