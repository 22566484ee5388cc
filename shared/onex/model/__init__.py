"""Data and nothing else: messages, enums, names and contract models. Internal, except ``onex.model.mesh``.

Authors of nodes find what they need in ``onex.node``; other modules import from the module that defines a name.
"""
