"""The list of words that docs/style.md replaces, checked over documents and docstrings."""
