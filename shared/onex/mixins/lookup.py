"""Finding an ONEX name by any way to write it."""

from collections.abc import Mapping
from difflib import get_close_matches

from onex.capability.names import EnumNameForm, OnexName, onex_names
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE

_MOST = 3


def all_names() -> Mapping[str, OnexName]:
    """Return the rows of names.yaml, and one for each capability that another package has registered; by name."""
    rows = dict(onex_names())
    for name in CATALOGUE.names:
        if name not in rows:
            summary = CATALOGUE.metadata(name).summary
            rows[name] = OnexName(name=name, form=EnumNameForm.CAPABILITY, maps_to=name, sentence=summary)
    return {name: rows[name] for name in sorted(rows)}


def find_name(text: str, aliases: Mapping[str, str]) -> OnexName:
    """Return the row of a class name, of a key (``retry``), or of an alias. Capitals do not matter.

    ``aliases`` are names of other origins, with the names here. Raise CompositionError, with the nearest names, for
    an unknown one.
    """
    rows = all_names()
    ways: dict[str, str] = {alias.lower(): name for alias, name in aliases.items()}
    for name, row in rows.items():
        for way in (row.key, name.removeprefix("Mixin"), name):
            ways[way.lower()] = name
    wanted = text.strip().lower().replace("-", "_")
    found = rows.get(ways.get(wanted, ""))
    if found is not None:
        return found
    near = list(dict.fromkeys(ways[way] for way in get_close_matches(wanted, ways, n=_MOST, cutoff=0.5)))
    hint = f"did you mean {' or '.join(near)}?" if near else "`onex mixins` lists all names"
    raise CompositionError(f"no capability or other ONEX name {text[:80]}; {hint}")
