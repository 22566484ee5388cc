"""The capabilities: a folder each, with the same file names in every one of them.

``metadata.yaml`` says what it is, ``subcontract.yaml`` (rendered) and ``model_*_subcontract.py`` how it is
configured, ``protocol_*.py`` what a node may do with it, ``engine.py`` does it, ``mixin_*.py`` gives it to a node.
"""
