"""Many contacts of a source into the engine: the source is cut into pieces between two rows, and each is read there.

A piece that the engine does not take, or that has a number which is none, is read carefully (`read`), row by row.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from smsops.model.sources import Format
from smsops.table.columns import stripped
from smsops.table.engine import EngineError, engine, literal, quoted, start
from smsops.table.mistakes import Mistake, Mistakes
from smsops.table.phones import codes_among
from smsops.table.read import Layout, Source, good_rows, layout
from smsops.table.source_stage import SourceStage
from smsops.table.text import (
    LONGEST,
    NO_ROW,
    BadData,
    checked,
    csv_header,
    csv_records,
    csv_rows,
    decode,
    delimiter,
    json_rows,
    likeliest,
)
from smsops.table.unpack import unpacked

BLOCK = 1 << 18
"""Bytes that are looked through at once: few enough for the processor's cache."""

PIECE = 8 << 20
"""Bytes of one piece: enough rows for the engine to keep them as it has read them."""

_RARE = b"\t\x0b\x0c\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3"
"""The bytes that begin any other blank than a space and a line feed."""

_BESIDE_QUOTE = re.compile(rb'"(?:(?<=[^\S\n]")|(?=[^\S\n]))')
"""A blank beside a quote: the engine and the careful way read that differently. As it begins with a quote, it is found soon."""

_HEADER = 65_536

_MOST_OF_A_CHARACTER = 4
"""Bytes of one in UTF-8."""


class _MoreColumns(Exception):
    """Objects further on have keys that the first ones lack; the source has to be read again, with all of them."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = tuple(names)


class _WrongCut(Exception):
    """Quotes stand in this source in such a way that it was not cut between two rows."""


class _OtherEncoding(Exception):
    """The source is not what it seemed to be; it has to be read again."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.encoding = encoding


class Piece(NamedTuple):
    """Some whole rows of a source in blocks: their place among the pieces, and the line that they begin on."""

    number: int
    line: int
    blocks: Sequence[bytes]
    whole: bool = False
    """Whether it is all there is."""

    @property
    def content(self) -> bytes:
        """All its bytes."""
        return b"".join(self.blocks)

    def holds(self, bytes_: bytes) -> bool:
        """Whether these bytes are in it; they must not end one line and begin the next."""
        return any(bytes_ in block for block in self.blocks)


def load(source: Source, form: Format, chunks: Iterable[bytes]) -> None:
    """Fill a source's table, mistakes and conflicts. BadData where the source as a whole makes no sense."""
    start()
    known = _load_text(source, form, iter(chunks), _Known())
    while known is not None:
        source.mistakes = Mistakes(source.label)
        with source.open() as stream:
            known = _load_text(source, form, unpacked(stream.chunks), known)


def _utf8(chunks: Iterator[bytes], encoding: str | None) -> Iterator[bytes]:
    """A text's bytes in UTF-8, without a mark in front."""
    first = next(chunks, b"")
    while len(first) < 3 and (more := next(chunks, b"")):
        first += more
    if encoding is None and first.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    if encoding is None:
        yield from _with_line_feeds(chain([first.removeprefix(codecs.BOM_UTF8)], chunks))
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for chunk in chain([first], chunks):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _with_line_feeds(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A text as it is; one whose lines end with carriage returns alone, as on old Macs, gets line feeds for them."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= _HEADER:
            break
    old = b"\n" not in first and b"\r" in first
    for chunk in chain([first], chunks):
        yield chunk.replace(b"\r", b"\n") if old else chunk


def _end_of_row(content: bytes) -> int:
    """Where the last whole row of CSV ends, which is not within quotes; 0 where none does."""
    end = content.rfind(b"\n") + 1
    quotes = content.count(b'"', 0, end)
    while quotes % 2:
        before = content.rfind(b"\n", 0, end - 1) + 1
        quotes -= content.count(b'"', before, end)
        end = before
    return end


def _end_of_line(content: bytes) -> int:
    """Where the last whole line ends, which is a row of NDJSON; 0 where none does."""
    return content.rfind(b"\n") + 1


def pieces(
    chunks: Iterable[bytes], end_of_row: Callable[[bytes], int] = _end_of_row, longest: int | None = None
) -> Iterator[Piece]:
    """Cut a text between two rows: where `end_of_row` says that the last one ends, by default as in CSV.

    _WrongCut where a row has more bytes than `longest`, by default those of a piece.
    """
    number, line, ended, size = 0, 1, 0, 0
    blocks: list[bytes] = []
    for block in _blocks(chunks, end_of_row, longest or PIECE):
        if size >= PIECE:
            yield Piece(number, line, blocks)
            number, line, ended, size, blocks = number + 1, line + ended, 0, 0, []
        blocks.append(block)
        size += len(block)
        ended += block.count(b"\n")
    if blocks:
        yield Piece(number, line, blocks, whole=number == 0)


def _blocks(chunks: Iterable[bytes], end_of_row: Callable[[bytes], int], longest: int) -> Iterator[bytes]:
    """Blocks of whole rows. _WrongCut where a row is longer than one may be: its quotes cannot be right."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size < BLOCK:
            continue
        content = b"".join(waiting)
        end = end_of_row(content)
        if end:
            yield content[:end]
        elif len(content) > longest:
            raise _WrongCut
        waiting, size = [content[end:]], 0
    content = b"".join(waiting)
    if content:
        yield content


class _Known(NamedTuple):
    """What is known of a text before it is read."""

    encoding: str | None = None
    names: tuple[str, ...] = ()
    """The columns of NDJSON."""
    may_be_cut: bool = True


def _load_text(source: Source, form: Format, chunks: Iterator[bytes], known: _Known) -> _Known | None:
    """None, or what is known better now: then it has to be read again."""
    text = _utf8(chunks, known.encoding)
    try:
        if known.may_be_cut:
            _load_pieces(source, form, text, known.names)
        else:
            _load_lines(source, form, text)
    except _OtherEncoding as other:
        return known._replace(encoding=other.encoding)
    except _MoreColumns as more:
        return known._replace(names=more.names)
    except _WrongCut:
        return known._replace(may_be_cut=False)
    return None


def _load_pieces(source: Source, form: Format, chunks: Iterator[bytes], names: Sequence[str]) -> None:
    is_csv = form == "csv"
    cut = pieces(chunks) if is_csv else pieces(chunks, _end_of_line, LONGEST * _MOST_OF_A_CHARACTER)
    first = next(cut, None)
    if first is None:
        raise BadData("the file is empty; its first line must name the columns")
    reader = _CsvPieces(source, first) if is_csv else _JsonPieces(source, chain([first], cut), names)
    if reader.layout is None:
        return
    stage = SourceStage(tuple(reader.layout.columns), source.reading.country, codes_among(reader.phones()))
    for piece in chain(reader.begun, cut):
        stage.read(reader.read, piece, stage)
    for mistakes in stage.results():
        source.mistakes.extend(mistakes)
    if isinstance(reader, _JsonPieces):
        reader.check_names()
    source.table, source.conflicts = stage.finished()


def _load_lines(source: Source, form: Format, chunks: Iterator[bytes]) -> None:
    """Read a text that cannot be cut into pieces line by line, and hold no more of it than a row."""
    lines = _lines(chunks, "" if form == "csv" else "\n")
    if form == "ndjson":  # a line of it is too long, or it could be cut
        deque(checked(lines), maxlen=0)
    mistakes = source.mistakes
    names, records = csv_records(lines, _complaining(source.label, mistakes, whole=True))
    found = layout(names, source.reading, source.label, mistakes)
    if found is None:
        return
    stage = SourceStage(tuple(found.columns), source.reading.country)
    rows = ((line, dict(zip(names, cells, strict=True))) for line, cells in records)
    try:
        good = good_rows(rows, found, source.reading, mistakes)
        stage.add_rows(((phone, fields) for phone, fields, _ in good), 0)
    except BadData:  # which is all that is said then, as of a small file
        source.mistakes = Mistakes(source.label)
        raise
    stage.results()
    source.table, source.conflicts = stage.finished()


class _Bytes(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _lines(chunks: Iterator[bytes], newline: str) -> Iterator[str]:
    """The lines of a text in UTF-8; the rest of one that is too long comes as another."""
    text = io.TextIOWrapper(io.BufferedReader(_Bytes(chunks)), "utf-8", newline=newline)
    try:
        while line := text.readline(LONGEST + 1):
            yield line
    except UnicodeDecodeError as error:
        raise _OtherEncoding(likeliest(error.object)) from None


def has_rare_blanks(content: bytes) -> bool:
    """Whether a text in UTF-8 may hold other blanks than spaces and line feeds."""
    return any(byte in content for byte in _RARE)


class _CsvPieces:
    """Reads the pieces of one CSV file."""

    def __init__(self, source: Source, first: Piece) -> None:
        self.source = source
        beginning = decode(first.blocks[0][:_HEADER])
        if "\0" in beginning:
            raise _nul(first)
        self.delimiter = delimiter(beginning)
        self.names, taken = csv_header(
            beginning,
            self.delimiter,
            _complaining(
                source.label,
                source.mistakes,
                whole=first.whole and len(first.blocks) == 1 and len(first.blocks[0]) <= _HEADER,
            ),
        )
        if not self.names:
            raise BadData("the file is empty; its first line must name the columns")
        self.begun = [_behind(first, taken)]
        self.layout: Layout | None = layout(self.names, source.reading, source.label, source.mistakes)

    def phones(self) -> Iterator[str]:
        """What stands for phones at the beginning of the file."""
        assert self.layout is not None
        place = self.names.index(self.layout.phone)
        for line in decode(self.begun[-1].blocks[0][:_HEADER]).split("\n"):
            cells = line.split(self.delimiter)
            if place < len(cells):
                yield cells[place].strip('" ')

    def read(self, piece: Piece, stage: SourceStage) -> Mistakes:
        """Add the rows of a piece to the stage; its mistakes."""
        if piece.holds(b"\0"):
            raise _nul(piece)
        if self._quickly(piece, stage):
            return Mistakes(self.source.label)
        return self._carefully(piece, stage)

    def _quickly(self, piece: Piece, stage: SourceStage) -> bool:
        blocks = piece.blocks
        quotes = piece.holds(b'"')
        if piece.holds(b"\r"):
            if quotes or any(block.count(b"\r") != block.count(b"\r\n") for block in blocks):
                return False
            blocks = [block.replace(b"\r\n", b"\n") for block in blocks]
        if quotes and any(map(_BESIDE_QUOTE.search, blocks)):
            return False
        rare = any(map(has_rare_blanks, blocks))
        assert self.layout is not None
        cell = {name: f"c{place}" for place, name in enumerate(self.names)}
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in cell.values())
        stage.spaced = True  # looking for them takes as long as a third of the reading, and few tables need it
        values = [
            f"{stripped(cell[column]) if rare else cell[column]} AS f{place}"
            for place, column in enumerate(self.layout.columns.values())
        ]
        try:
            with stage.engine.file(*blocks) as path:
                raw = f"{cell[self.layout.phone]} AS text"
                rows = (
                    f"SELECT {', '.join((raw, *values))} FROM read_csv('{path}', delim={literal(self.delimiter)}, "
                    f"quote='\"', escape='\"', header=false, auto_detect=false, strict_mode=true, "
                    f"force_not_null={list(cell.values())}, columns={{{columns}}}, max_line_size={LONGEST - 2})"
                )
                return _is_good(stage, rows, piece)
        except EngineError:
            return False

    def _carefully(self, piece: Piece, stage: SourceStage) -> Mistakes:
        assert self.layout is not None
        mistakes = Mistakes(self.source.label)
        lines = io.StringIO(_text(piece.content), newline="")
        records = csv_rows(
            lines,
            self.delimiter,
            len(self.names),
            piece.line,
            _complaining(self.source.label, mistakes, whole=piece.whole),
        )
        found = ((line, dict(zip(self.names, cells, strict=True))) for line, cells in records)
        rows = good_rows(found, self.layout, self.source.reading, mistakes)
        stage.add_rows(((phone, fields) for phone, fields, _ in rows), piece.number)
        return mistakes


class _JsonPieces:
    """Reads the pieces of one NDJSON file."""

    def __init__(self, source: Source, pieces: Iterator[Piece], names: Sequence[str]) -> None:
        """`names` are those of all its columns, if they are known."""
        self.source = source
        self.begun: list[Piece] = []
        self._names = dict.fromkeys(names)
        self._are_more = False
        for piece in pieces:
            self.begun.append(piece)
            rows = json_rows(_text(piece.content).split("\n"), piece.line, lambda line, message: None)
            first = next(rows, None)
            if first is not None:
                break
        else:
            raise BadData("it holds no JSON object, so it is not an NDJSON file", 1)
        if not self._names:
            self._names = dict.fromkeys(first[1])
            self._add_names(self.begun[-1])
            self._are_more = False
        found = Mistakes(source.label)
        self.layout = layout(list(self._names), source.reading, source.label, found)
        if self.layout is None:  # what is missing may stand further on
            for piece in pieces:
                self._add_names(piece)
            self.check_names()
            source.mistakes.extend(found)

    def check_names(self) -> None:
        """_MoreColumns where all that was read has more columns than the layout knows."""
        if self._are_more:
            raise _MoreColumns(self._names)

    def _add_names(self, piece: Piece) -> None:
        """Add the columns of a piece, of those that matter."""
        named = "SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_json_objects"
        try:
            with engine().file(*piece.blocks) as path:
                keys = [
                    str(name)
                    for (name,) in engine().run(f"{named}('{path}', format='newline_delimited') ORDER BY name")
                ]
        except EngineError:
            rows = json_rows(_text(piece.content).split("\n"), piece.line, lambda line, message: None)
            keys = [name for _, row in rows for name in row]
        for name in keys:
            if name not in self._names and self.source.reading.may_want(name):
                self._names[name] = None
                self._are_more = True

    def phones(self) -> Iterator[str]:
        """What stands for phones at the beginning of the file."""
        assert self.layout is not None
        lines = decode(self.begun[-1].blocks[0][:_HEADER]).split("\n")
        for _, row in json_rows(lines, 1, lambda line, message: None):
            yield row.get(self.layout.phone, "")

    def read(self, piece: Piece, stage: SourceStage) -> Mistakes:
        """Add the rows of a piece to the stage; its mistakes."""
        if piece.number > self.begun[-1].number:
            self._add_names(piece)
        if self._are_more:  # it will be read again
            return Mistakes(self.source.label)
        if self._quickly(piece, stage):
            return Mistakes(self.source.label)
        return self._carefully(piece, stage)

    def _quickly(self, piece: Piece, stage: SourceStage) -> bool:
        assert self.layout is not None
        if any(map(_has_long_line, piece.blocks)):  # the engine would take it
            return False
        names = [self.layout.phone, *self.layout.columns.values()]
        columns = ", ".join(f"{literal(name)}: 'JSON'" for name in dict.fromkeys(names))
        cells = [f"coalesce({stripped(_json_text(name), any_blank=True)}, '')" for name in names]
        try:
            with stage.engine.file(*piece.blocks) as path:
                rows = f"read_json('{path}', format='newline_delimited', columns={{{columns}}}, maximum_object_size={LONGEST - 2})"
                if stage.engine.value(f"SELECT bool_or({' OR '.join(map(_is_odd, names))}) FROM {rows}"):
                    return False
                named = ", ".join(f"{cell} AS f{place}" for place, cell in enumerate(cells[1:]))
                values = f"SELECT {cells[0]} AS text{', ' + named if named else ''} FROM {rows}"
                return _is_good(stage, values, piece)
        except EngineError:
            return False

    def _carefully(self, piece: Piece, stage: SourceStage) -> Mistakes:
        assert self.layout is not None
        mistakes = Mistakes(self.source.label)
        lines = _text(piece.content).split("\n")
        found = json_rows(lines, piece.line, _complaining(self.source.label, mistakes, whole=piece.whole))
        rows = good_rows(found, self.layout, self.source.reading, mistakes)
        stage.add_rows(((phone, fields) for phone, fields, _ in rows), piece.number)
        return mistakes


def _has_long_line(content: bytes) -> bool:
    start = 0
    while len(content) - start > LONGEST:
        start = content.rfind(b"\n", start, start + LONGEST) + 1
        if not start:
            return True
    return False


def _json_text(name: str) -> str:
    """A text, or a whole number, as text; null is null."""
    value = quoted(name)
    return f"CASE WHEN starts_with({value}::VARCHAR, '\"') THEN json_extract_string({value}, '$') ELSE nullif({value}::VARCHAR, 'null') END"


def _is_odd(name: str) -> str:
    """Whether a value is something else than a text, null or a whole number."""
    value = f"{quoted(name)}::VARCHAR"
    return f"NOT coalesce(starts_with({value}, '\"') OR {value} = 'null' OR regexp_full_match({value}, '-?[1-9][0-9]{{0,17}}|0'), true)"


def _is_good(stage: SourceStage, rows: str, piece: Piece) -> bool:
    """Add the rows of a piece, if all their phones are mobiles."""
    if not stage.add_read(rows, piece.number):
        return True
    stage.reject(piece.number)
    return False


def _behind(piece: Piece, lines: int) -> Piece:
    """A piece without its first lines."""
    first, *rest = piece.blocks
    start = 0
    for _ in range(lines):
        start = first.find(b"\n", start) + 1
        if not start:
            raise BadData("its lines do not end with a line feed")
    return Piece(piece.number, piece.line + lines, [first[start:], *rest], piece.whole)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _OtherEncoding(likeliest(content)) from None


def _nul(piece: Piece) -> BadData:
    before, _, _ = piece.content.partition(b"\0")
    return BadData("it holds a NUL character, so it is not a CSV file", piece.line + before.count(b"\n"))


def _complaining(label: str, mistakes: Mistakes, *, whole: bool) -> Callable[[int, str], None]:
    """Records a mistake. In a piece that is not the `whole` text quotes that do not match may mean a wrong cut."""

    def complain(line: int, message: str) -> None:
        if not whole and message.startswith(NO_ROW):
            raise _WrongCut
        mistakes.add(Mistake("SMS162", f"{label}: {message}", line=line))

    return complain
