"""The capabilities: one folder each, with the same file names in every folder.

``metadata.yaml`` describes the capability, ``model_*_subcontract.py`` is its configuration (rendered to
``subcontract.yaml``), ``protocol_*.py`` is the interface for nodes, ``engine.py`` does the work, and ``mixin_*.py``
adds it to a node.
"""
