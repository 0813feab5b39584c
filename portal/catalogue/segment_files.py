"""The file of a segment, which every process of a machine maps rather than copies."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from portal.catalogue.segments import Segment

#: Moves each time the arrays of a segment do: a file of another layout is not read.
LAYOUT = 1

_MAGIC = b"PORTALIX"
_ALIGN = 64
# Bytes yielded at once.
_PIECE = 1 << 20


def pack(segment: Segment) -> Iterator[bytes]:
    """Yield the file of a segment: a heading in JSON, then the arrays, each at a multiple of 64 bytes."""
    table: dict[str, tuple[str, int, int]] = {}
    at = 0
    for name in segment.names():
        held = segment[name]
        table[name] = (held.dtype.str, at, int(held.shape[0]))
        at += _whole(held.nbytes)
    heading = json.dumps({"layout": LAYOUT, "arrays": table, "values": segment.values}).encode()
    start = _MAGIC + struct.pack("<Q", len(heading)) + heading
    yield start.ljust(_whole(len(start)), b"\0")
    for name in segment.names():
        content = np.ascontiguousarray(segment[name]).view(np.uint8)
        for begin in range(0, content.shape[0], _PIECE):
            yield content[begin : begin + _PIECE].tobytes()
        yield b"\0" * (_whole(content.shape[0]) - content.shape[0])


def _whole(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def unpack(content: Any) -> Segment:
    """Return the segment of a file's content (bytes, or a map of the file): nothing is copied.

    Raises ValueError when it is not such a file or has another layout.
    """
    view = memoryview(content)
    if len(view) < 16 or bytes(view[:8]) != _MAGIC:
        raise ValueError("not the file of an index")
    (length,) = struct.unpack("<Q", view[8:16])
    heading = json.loads(bytes(view[16 : 16 + length]))
    if heading["layout"] != LAYOUT:
        raise ValueError("the file of an index of another layout")
    start = _whole(16 + length)
    arrays = {
        name: np.frombuffer(view, dtype, count, start + offset) if count else np.zeros(0, dtype)
        for name, (dtype, offset, count) in heading["arrays"].items()
    }
    return Segment(arrays, heading["values"])
