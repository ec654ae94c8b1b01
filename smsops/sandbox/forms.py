"""Reading requests: form parameters (urlencoded, multipart or in the query) and the payloads in JSON or XML inside them."""

import json
from collections.abc import Mapping
from email.parser import BytesParser
from urllib.parse import parse_qsl

from smsops.sandbox import xml

_BEFORE_XML = "\ufeff \t\r\n"


class BadPayload(Exception):
    """A payload that cannot be read; `empty` tells one that is not there from one that is broken."""

    def __init__(self, *, empty: bool) -> None:
        super().__init__("empty payload" if empty else "broken payload")
        self.empty = empty


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a request body, whatever its encoding; the last of two equal names wins."""
    if not content_type.lower().startswith("multipart/form-data"):
        return read_query(body)
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    fields: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode("utf-8", "replace")
    return fields


def read_query(query: bytes) -> dict[str, str]:
    """The fields of a query string."""
    return dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))


class Params:
    """The parameters of one call, found by their names: exactly, or whatever their case."""

    def __init__(self, fields: Mapping[str, str], *, strict: bool) -> None:
        self._fields = fields
        self._folded = {} if strict else {name.lower(): value for name, value in fields.items()}

    def get(self, name: str) -> str:
        """The value as it came, "" when it is not given; the exact spelling wins over any other."""
        value = self._fields.get(name)
        if value is None:
            value = self._folded.get(name.lower(), "")
        return value

    def payload(self, name: str) -> dict[str, object]:
        """The content of a payload's `DATA`, its keys in capitals. BadPayload when there is none."""
        text = self.get(name)
        if not text.strip():
            raise BadPayload(empty=True)
        try:
            data = _data_in_xml(text) if _is_xml(text) else _data_in_json(text)
        except (ValueError, RecursionError):
            raise BadPayload(empty=False) from None
        if not isinstance(data, dict):
            raise BadPayload(empty=False)
        if not data:
            raise BadPayload(empty=True)
        return capitals(data)

    def in_xml(self, payload: str) -> bool:
        """Whether to answer in XML: as `returnformat` says, without it as the payload is written (§6.4), else in JSON."""
        wanted = self.get("returnformat").strip().lower()
        return wanted == "xml" if wanted in ("json", "xml") else bool(payload) and _is_xml(self.get(payload))

    def logged(self) -> dict[str, str]:
        """The parameters as they came, without the API key."""
        return {name: value for name, value in self._fields.items() if name.lower() != "apikey"}


def _is_xml(text: str) -> bool:
    return text.lstrip(_BEFORE_XML).startswith("<")


def _data_in_json(text: str) -> object:
    outer = json.loads(text)
    if "\\ud" in text.lower():
        # Half a surrogate pair can be escaped in JSON, but it is no text: encoding it fails.
        json.dumps(outer, ensure_ascii=False).encode()
    return capitals(outer).get("DATA") if isinstance(outer, dict) else None


def _data_in_xml(text: str) -> object:
    root, data = xml.read(text)
    if root != "DATA":
        return None
    return {} if isinstance(data, str) and not data.strip() else data


def capitals(record: Mapping[object, object]) -> dict[str, object]:
    """A record with its keys in capitals and without outer blanks."""
    return {str(key).strip().upper(): value for key, value in record.items()}


def text_of(value: object) -> str | None:
    """A scalar of a payload as text (null is empty), None when it is a list or an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def flag_of(value: object) -> bool | None:
    """A 0-or-1 of a payload, None when it is anything else; not given is 0."""
    return {"": False, "0": False, "1": True}.get((text_of(value) or "").strip()) if not _deep(value) else None


def records_of(value: object, *inner: str) -> list[object]:
    """A collection of a payload as a list: the array, a single record, or either inside one of the `inner` tags."""
    if isinstance(value, dict):
        folded = capitals(value)
        for tag in inner:
            if tag in folded:
                return records_of(folded[tag])
        return [value]
    return value if isinstance(value, list) else []


def _deep(value: object) -> bool:
    return isinstance(value, list | dict)
