"""``python -m tests.prose`` fails when a document or docstring gains a word that docs/style.md replaces.

``baseline.json`` has the number of such words by file; a file that it does not name may have none. ``--write`` writes
the numbers as they are now, and fails when their sum would grow.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.prose.words import STYLE, find_all, listed_words, pattern_of

ROOT = Path(__file__).parents[2]
BASELINE = Path(__file__).with_name("baseline.json")


def grown(counts: Mapping[str, int], allowed: Mapping[str, int]) -> list[str]:
    """Return the files with more words than they may have."""
    return [path for path, count in counts.items() if count > allowed.get(path, 0)]


def main() -> int:
    """Check, or write the baseline. Return the exit code."""
    findings = list(find_all(ROOT, pattern_of(listed_words((ROOT / STYLE).read_text()))))
    counts = Counter(finding.path for finding in findings)
    allowed: dict[str, int] = json.loads(BASELINE.read_text()) if BASELINE.exists() else counts
    if "--write" in sys.argv[1:]:
        if counts.total() > sum(allowed.values()):
            sys.stderr.write(f"{counts.total()} words, and {sum(allowed.values())} are allowed\n")
            return 1
        BASELINE.write_text(json.dumps(dict(sorted(counts.items())), indent=2) + "\n")
        return 0
    files = grown(counts, allowed)
    for path, line, word in findings:
        if path in files:
            sys.stderr.write(f"{path}:{line}: {word!r} has a plain replacement in {STYLE}\n")
    for path in files:
        sys.stderr.write(f"{path}: {counts[path]} such words, and {allowed.get(path, 0)} are allowed\n")
    return 1 if files else 0


if __name__ == "__main__":
    sys.exit(main())
