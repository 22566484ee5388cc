"""Archives of images: what one would name when it is loaded."""

import tarfile
from collections.abc import AsyncIterable, Sequence
from typing import IO, Final

from pydantic import TypeAdapter, ValidationError

from onex.errors import RejectedError
from onex.mixins.image_management.replies import ManifestEntry

_MANIFEST: Final = "manifest.json"
_MAX_MANIFEST_BYTES: Final = 1024 * 1024
_MAX_MEMBERS: Final = 100_000
_MANIFESTS: Final = TypeAdapter(list[ManifestEntry])


async def spooled(archive: bytes | AsyncIterable[bytes], into: IO[bytes], most: int) -> None:
    """Write an archive into a file. Raise RejectedError for one with more bytes."""
    size = 0
    match archive:
        case bytes():
            size = len(archive)
            into.write(archive[: most + 1])
        case _:
            async for chunk in archive:
                size += len(chunk)
                if size > most:
                    break
                into.write(chunk)
    if size > most:
        raise too_large(most)
    into.seek(0)


def too_large(most: int) -> RejectedError:
    """Return the error for an archive beyond the limit."""
    return RejectedError(
        f"the archive has more than {most} bytes; image_management.max_archive_bytes in the contract allows more"
    )


def tags_of(archive: IO[bytes]) -> Sequence[str]:
    """Return the tags that loading an archive sets. Raise RejectedError for one that is damaged or ambiguous."""
    texts: list[bytes] = []
    try:
        with tarfile.open(fileobj=archive, mode="r:") as opened:
            for number, member in enumerate(opened):
                if number >= _MAX_MEMBERS:
                    raise RejectedError(f"the archive has more than {_MAX_MEMBERS} entries")
                if member.name.removeprefix("./") == _MANIFEST:
                    content = opened.extractfile(member)
                    texts.append(content.read(_MAX_MANIFEST_BYTES) if content else b"")
        if len(texts) != 1:
            raise RejectedError(f"the archive has {len(texts)} times {_MANIFEST}; it is no archive of `save`")
        entries = _MANIFESTS.validate_json(texts[0])
    except (tarfile.TarError, ValidationError) as error:
        raise RejectedError("the archive is damaged, compressed, or no archive of images") from error
    finally:
        archive.seek(0)
    return [tag for entry in entries for tag in entry.tags]
