"""Reading text of a stranger: what it may become in memory has a bound."""

import gzip
import io

import yaml

from onex.errors import RejectedError

_GZIP = b"\x1f\x8b"


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few hundred bytes of them stand for billions of values, and ``dump`` writes none."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def unpacked(data: bytes, limit: int) -> bytes:
    """The text that may be compressed. Never holds more than ``limit`` bytes of it.

    Raises RejectedError for more than that, and what the gzip module raises for damaged data.
    """
    if data.startswith(_GZIP):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            text = packed.read(limit + 1)
    else:
        text = data
    if len(text) > limit:
        raise RejectedError(
            f"more than {limit} bytes of text; serialization.max_text_bytes in the contract allows more"
        )
    return text


def plain_yaml(text: str) -> object:
    """The value of a YAML document. Raises YAMLError, also for aliases."""
    return yaml.load(text, _PlainLoader)
