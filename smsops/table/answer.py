"""The contacts in the body of an answer, read while it arrives.

A long body is cut into blocks between two contacts, and pieces of many blocks go to the engine; what is left, the answer
without its contacts, is judged as any other answer is. The engine takes a piece only where all its values are texts and all
its keys are known; any other piece is read carefully.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable

from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.table.engine import EngineError, column, literal, quoted
from smsops.table.rows import Rows
from smsops.table.stage import Stage
from smsops.table.table import Row, Table

SMALL = 3 << 20
"""Bodies of fewer bytes are read as rows."""

BLOCK = 1 << 18
"""Bytes that are looked through at once: few enough for the processor's cache."""

PIECE = 16 << 20
"""Bytes of one piece: enough contacts for the engine to keep them as it has read them."""

_ARRAY = re.compile(rb'"\s*contacts?\s*"\s*:\s*\[\s*(?=\{)', re.IGNORECASE)
_BOUNDARY = re.compile(rb'\}\s*,\s*\{\s*"(?=[^,}\]:\s])')
"""Between two contacts. Within a text that is no key the quote would end it, and one of , } ] : would follow."""

_MARKS = b'":'
_NO_MARK = bytes(range(256)).translate(None, _MARKS)
_KEY_AND_TEXT = b'"":""'
"""What is left of a key and a text, without all that is no mark."""

_NOISE = re.compile(r"[\s+().\-]")
_NO_KEY = frozenset(b",}]: \t\r\n"[place : place + 1] for place in range(7))
_MAY_STAND_IN_FRONT = b"\xef\xbb\xbf \t\r\n"
_ENDLESS = 1 << 62
_FIRST_VALUE = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"(\s*:\s*)"')


_USUAL = (
    "CASE WHEN number BETWEEN 10000000000 AND 99999999999 THEN CASE WHEN strlen(phone) = 11 THEN "
    "CASE WHEN number % 100 <> 0 THEN phone >= '1' ELSE number::VARCHAR = phone END END END"
)
"""A phone that is its number's digits and nothing else: as many characters as digits, and no exponent, with which it
would end with two zeros, and not hexadecimal. To write the number and compare takes longer."""


class BadBody(ValueError):
    """Contacts that make no sense; the text says why and quotes nothing of them."""


Parse = Callable[[bytes], Iterable[Row]]
"""Reads a JSON array of contacts carefully, fields by the server's names. ValueError where it makes no sense."""


def table_of(rows: Iterable[Row]) -> Rows:
    """Contacts as the API gave them: names of fields in capitals, since it changes their case; of two with one phone the last."""
    return Rows(dict(map(tidy, rows)))


def tidy(row: Row) -> Row:
    """A contact as it is compared."""
    phone, fields = row
    return tidy_phone(phone), {name.upper(): value.strip() for name, value in fields.items()}


def digits(phone: str) -> str:
    """The digits of a phone as an answer may write it; BadBody where it is not made of digits."""
    if not (phone.isascii() and phone.isdigit()):
        phone = _NOISE.sub("", phone)
        if not (phone.isascii() and phone.isdigit()):
            raise BadBody("a phone number that is not made of digits")
    return phone


def tidy_phone(phone: str) -> str:
    """The digits of a live contact's phone; a list may hold national numbers, and some that are none."""
    if phone.isdigit() and phone[0] != "0":
        return phone
    try:
        return normalise_mobile(phone, "FR")
    except InvalidPhone:
        return phone


class ContactsBody:
    """Collects the body of an answer with contacts."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._waiting: list[bytes] = []
        self._size = 0
        self._envelope = b""
        self._separator = b""
        self._pieces: _Pieces | None = None
        self._read: tuple[Table, int] | BadBody | None = None

    def feed(self, chunk: bytes) -> None:
        """Take what has arrived; that may last as long as the engine needs for a piece."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size < (BLOCK if self._pieces else SMALL):
            return
        content = b"".join(self._waiting)
        if self._pieces is None:
            content = self._begin(content)
        self._waiting = [self._cut(content)] if self._pieces else [content]
        self._size = 0 if self._pieces else -_ENDLESS  # what cannot be cut is kept whole

    def body(self) -> bytes:
        """The answer, without its contacts where these went to the engine."""
        content = b"".join(self._waiting)
        if self._pieces is None:
            return content
        last = self._cut(content)
        try:
            _, end = json.JSONDecoder().raw_decode(last.decode())
        except (ValueError, RecursionError):
            self._read = BadBody("the answer breaks off")
            return self._envelope
        length = len(last.decode()[:end].encode())
        self._pieces.add(last[:length])
        try:
            self._read = self._pieces.finished()
        except BadBody as error:
            self._read = error
        return self._envelope + last[length:]

    def table(self) -> tuple[Table, int] | None:
        """The contacts that went to the engine, each phone once, and how many there were; None where none did.

        BadBody where they make no sense.
        """
        if isinstance(self._read, BadBody):
            raise self._read
        return self._read

    def _begin(self, content: bytes) -> bytes:
        """Find out how the body can be cut, if it can; the beginning of the contacts."""
        array = _ARRAY.search(content)
        boundary = _BOUNDARY.search(content, array.end()) if array else None
        if array is None or boundary is None or content.lstrip(_MAY_STAND_IN_FRONT)[:1] not in (b"{", b"["):
            return content
        self._envelope, self._separator = content[: array.end()], boundary.group()
        self._pieces = _Pieces(content[array.end() : boundary.start() + 1], self._parse)
        return content[array.end() :]

    def _cut(self, content: bytes) -> bytes:
        """Let the pieces have all contacts but the last one, which may not be whole; what is left."""
        end = len(content)
        while (end := content.rfind(self._separator, 0, end)) >= 0:
            behind = content[end + len(self._separator) :][:1]
            if behind and behind not in _NO_KEY:
                assert self._pieces is not None
                self._pieces.add(content[: end + 1])
                return content[end + self._separator.index(b"{") :]
        return content


class _Pieces:
    """Pieces of a body on their way into a table."""

    def __init__(self, first: bytes, parse: Parse) -> None:
        self._parse = parse
        self._names, self._phone = _names(first)
        value = _FIRST_VALUE.match(first)
        self._colon = value[1] if value else b""
        self._begins_text = b'"' + self._colon + b'"'
        self._stage: Stage[None] = Stage([name.strip().upper() for name in self._names])
        self._odd: list[tuple[int, bytes]] = []
        self._count = 0
        self._blocks: list[bytes] = []
        self._size = self._texts = 0
        self._is_plain = bool(self._phone and self._colon)
        self._is_regular = not any('"' in name for name in self._names)

    def add(self, block: bytes) -> None:
        """Take whole contacts, a comma between two of them."""
        self._blocks += (b",", block)
        self._size += len(block)
        self._look_through(block)
        if self._size >= PIECE:
            self._submit()

    def _look_through(self, block: bytes) -> None:
        """Count the texts, and find out whether all values are texts."""
        texts = _all_texts(block) if self._is_regular else None
        if texts is not None:
            self._texts += texts
            return
        self._is_regular = False  # where one block has a colon in a text, most have: counting is quicker then
        # They are, too, where each colon is one between a key and a text. Where texts have colons, the keys are counted.
        texts = block.count(self._begins_text)
        self._texts += texts
        if block.count(b":") == texts:
            return
        nulls = block.count(b'"' + self._colon + b"null")
        if not self._colon.startswith(b":") or block.count(b'":') != texts + nulls:
            self._is_plain = False

    def _submit(self) -> None:
        number, blocks, texts = self._count, self._blocks, self._texts
        if self._is_plain:
            self._stage.read(self._read, number, blocks, texts)
        else:
            self._keep(number, blocks)
        self._count, self._blocks, self._size, self._texts = number + 1, [], 0, 0
        self._is_plain = bool(self._phone and self._colon)

    def _keep(self, number: int, blocks: list[bytes]) -> None:
        self._odd.append((number, zlib.compress(b"".join(blocks[1:]), 1)))

    def _read(self, number: int, blocks: list[bytes], texts: int) -> None:
        if not self._quickly(number, blocks, texts):
            self._keep(number, blocks)

    def _quickly(self, number: int, blocks: list[bytes], texts: int) -> bool:
        """Let the engine read a piece with so many texts; whether it is sure to have read all that is in it."""
        stage = self._stage
        phone = quoted(self._phone)
        names = "".join(f", {quoted(name)} AS f{place}" for place, name in enumerate(self._names))
        texts_of = "".join(f", f{place}" for place in range(len(self._names)))
        texts_in = " + ".join(f"count({name})" for name in ("phone", *map(column, stage.fields)))
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in (self._phone, *self._names))
        try:
            with stage.engine.file(b"[", *blocks[1:], b"]") as path:
                rows = stage.add(
                    f"SELECT CASE WHEN {_USUAL} THEN number WHEN number::VARCHAR = phone THEN number END{texts_of}, {number} "
                    f"FROM (SELECT phone, try_cast(phone AS UBIGINT) AS number{texts_of} FROM (SELECT {phone} AS phone{names} "
                    f"FROM read_json('{path}', format='array', columns={{{columns}}}, "
                    f"maximum_object_size={PIECE})))"  # one buffer: no thread waits until another knows where it ends
                )
            phones, found = stage.engine.run(
                f"SELECT count(phone), {texts_in} FROM {stage.name} WHERE piece = {number}"
            )[0]
        except EngineError:
            return False
        if rows == phones and found == texts:
            return True
        stage.reject(number)  # a key that is not known, one twice in a contact, a phone that is not made of digits
        return False

    def finished(self) -> tuple[Table, int]:
        """The table, and how many contacts there were before each phone was in it once."""
        if self._blocks:
            self._submit()
        stage = self._stage
        stage.results()
        for number, packed in self._odd:
            self._read_carefully(number, zlib.decompress(packed))
        count = int(stage.engine.value(f"SELECT count(*) FROM {stage.name}"))
        return stage.raw(), count

    def _read_carefully(self, number: int, piece: bytes) -> None:
        try:
            rows = [tidy(row) for row in self._parse(b"[" + piece + b"]")]
        except ValueError as error:
            raise BadBody(str(error)) from None
        self._stage.add_fields(dict.fromkeys(name for _, fields in rows for name in fields))
        self._stage.add_rows(rows, number)


def _all_texts(block: bytes) -> int | None:
    """How many values whole contacts have where all are texts without quotes and colons, otherwise None.

    If the engine finds as many values as there are colons, each colon follows a key that it knows. What stands between two
    colons with four quotes is then a value with two, and the next key: a text, or an array with one in it.
    """
    marks = block.translate(None, _NO_MARK)
    texts = len(marks) // len(_KEY_AND_TEXT)
    return texts if b"[" not in block and marks == _KEY_AND_TEXT * texts else None


def _names(contact: bytes) -> tuple[tuple[str, ...], str]:
    """The names of a contact's fields and that of its phone; no phone where they cannot be columns."""
    try:
        keys = [str(name) for name in json.loads(contact)]
    except (ValueError, RecursionError, TypeError):
        return (), ""
    phones = [name for name in keys if name.strip().lower() == "mobilephone"]
    names = tuple(name for name in keys if name not in phones)
    folded = {name.strip().upper() for name in names}
    usable = len(phones) == 1 and len(folded) == len(names) and "" not in folded
    return (names, phones[0]) if usable else ((), "")
