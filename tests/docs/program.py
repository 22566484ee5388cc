"""Runs a code block of a document in a forked process: a new interpreter would import for most of a second."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the file that the first argument names, in the folder that the second one names, as a program."""
    file, folder = sys.argv[1:]
    os.chdir(folder)
    sys.path.insert(0, "")
    exec(compile(Path(file).read_text(), file, "exec"), vars(sys.modules["__main__"]))
