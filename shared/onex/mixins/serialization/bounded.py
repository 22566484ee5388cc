"""Reading untrusted text with a bound on memory."""

import gzip
import io

import yaml

from onex.errors import RejectedError

_GZIP = b"\x1f\x8b"


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few hundred bytes with aliases can mean billions of values. ``dump`` writes none."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def unpacked(data: bytes, limit: int) -> bytes:
    """Return the text, decompressed if it is gzip. At most ``limit`` bytes are decompressed.

    Raise RejectedError for longer text, and the errors of the gzip module for damaged data.
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
    """Return the value of a YAML document. Raise YAMLError, also for aliases."""
    return yaml.load(text, _PlainLoader)
