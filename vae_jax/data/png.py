"""The chunks of a PNG file, each with its check sum."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AROUND = 12  # bytes of a chunk beside its content: length, kind and check sum


def check_chunks(content: bytes) -> None:
    """ValueError unless every chunk up to the end, IEND, is there and has its check sum.

    A decoder looks at the pixels' chunks and stops when it has all of them: a palette with a
    flipped bit gives other colours, and a file may end before its end.
    """
    start = len(SIGNATURE)
    while start + _AROUND <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        end = start + _AROUND + length
        kind = content[start + 4 : start + 8]
        if end > len(content):
            break
        (stated,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(content[start + 4 : end - 4]) != stated:
            raise ValueError(f"the check sum of its chunk {kind!r} at byte {start} does not hold")
        if kind == b"IEND":
            return
        start = end
    raise ValueError("it ends before its last chunk, IEND")
