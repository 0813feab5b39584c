"""The lines of a file of records, one at a time, however long the file and however long a line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, cast

# In bytes. The longest record that the schema allows is far below; a longer line is refused without being held.
LONGEST_LINE = 1_000_000
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line that is not blank: its number from 1, its bytes, or None with what is `wrong` with it, in English."""

    number: int
    content: bytes | None
    wrong: str = ""


class RecordFile:
    """A file of JSON lines, compressed by gzip or not; `with RecordFile(path) as lines: for line in lines`.

    `size` and `position` are in bytes of the file itself, for a progress bar. Raises OSError when it cannot be opened
    or read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.size = path.stat().st_size

    def __enter__(self) -> "RecordFile":
        self._raw = self.path.open("rb")
        self._text: BinaryIO = self._raw
        if self._raw.peek(2)[:2] == _GZIP:
            self._text = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    @property
    def position(self) -> int:
        """How far the file has been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Line]:
        number = 0
        try:
            while content := self._text.readline(LONGEST_LINE + 1):
                number += 1
                if len(content) > LONGEST_LINE and not content.endswith(b"\n"):
                    self._skip()
                    yield Line(number, None, f"longer than {LONGEST_LINE} bytes")
                    continue
                if number == 1:
                    content = content.removeprefix(_BYTE_ORDER_MARK)
                if not content.isspace() and content:
                    yield Line(number, content)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            yield Line(
                number + 1, None, "the compressed file is cut or damaged here; the rest cannot be read"
            )

    def _skip(self) -> None:
        while (content := self._text.readline(LONGEST_LINE)) and not content.endswith(b"\n"):
            pass
