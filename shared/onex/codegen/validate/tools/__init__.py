"""mypy and bandit, each in a process of its own that stays for the next validation.

They parse files themselves, which in this process would disturb other threads (:mod:`onex.codegen.validate.parsing`),
and importing them takes longer than checking a node.
"""
