"""The text of a message: fields become parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*)\}|\{short:([^{}]*)\}")
_LINK = re.compile(r"https?://[^\s{}]+\Z")
_PARAMETER = re.compile(r"#param_\d+#", re.IGNORECASE)

STOP = re.compile(r"[ \n]STOP au 36180\Z", re.IGNORECASE)
"""The mention that a custom sender needs in France (manual §6.2)."""


URL = re.compile(r"https?://[^\s{}]+")
LONG_LINK = 30
"""A link of more characters is worth a short one."""


class Template(NamedTuple):
    """A message with its fields taken out: `wire` has #param_n#, `fields` their names in capitals, in order.

    `links` are the addresses that become short links, in order. As long as there is none for one, `wire` has what is as long.
    """

    wire: str
    fields: tuple[str, ...]
    links: tuple[str, ...] = ()

    @property
    def plain_links(self) -> list[str]:
        """The addresses that stand in the message as they are."""
        short = {stand_in(number) for number in range(1, len(self.links) + 1)}
        return [link for link in URL.findall(self.wire) if link not in short]

    def linked(self, short: Mapping[str, str]) -> Template:
        """The same with the short links that there are."""
        wire = self.wire
        for number, link in enumerate(self.links, start=1):
            if link in short:
                wire = wire.replace(stand_in(number), short[link])
        return self._replace(wire=wire) if wire != self.wire else self

    def render(self, values: Mapping[str, str]) -> str:
        """What one recipient reads."""
        text = self.wire
        for number, name in enumerate(self.fields, start=1):
            text = text.replace(f"#param_{number}#", values.get(name, ""))
        return text

    def rendered(self, parameters: Sequence[str]) -> str:
        """The same, from the values of the fields in order."""
        return self.render(dict(zip(self.fields, parameters, strict=True)))

    def parameters(self, values: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(values.get(name, "") for name in self.fields)


def stand_in(number: int) -> str:
    """What stands for a short link before it is made: as long as one is (manual §28 has http://bs.ms/xxxx), and two more."""
    return f"http://bs.ms/_{number:_<5}"


class BadTemplate(ValueError):
    """A message that cannot be sent as it stands."""


def parse_template(message: str) -> Template:
    """Turn ``{FIELD}`` into parameters, numbered in order of first use; ``{{`` and ``}}`` are braces.

    ``{short:https://…}`` is a link that is shortened before it is sent.
    """
    if _PARAMETER.search(message):
        raise BadTemplate("#param_n# is what fields become; write {FIELD}")
    fields: list[str] = []
    links: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[2] is not None:
            if not _LINK.match(match[2]):
                raise BadTemplate("Write an address behind short:, such as {short:https://example.com/sale}")
            if match[2] not in links:
                links.append(match[2])
            return stand_in(links.index(match[2]) + 1)
        if match[1] is None:
            return match.group()[0]
        name = match[1].upper()
        if name not in fields:
            fields.append(name)
        return f"#param_{fields.index(name) + 1}#"

    _check_braces(message)
    wire = _FIELD.sub(number, message)
    return Template(wire, tuple(fields), tuple(links))


def _check_braces(message: str) -> None:
    """A brace that belongs to nothing would be texted as it stands: nearly always it is a field that was mistyped."""
    rest = _FIELD.sub("", message)
    brace = re.search(r"[{}][^{}]{0,20}", rest)
    if brace is None:
        return
    if re.search(r"\{short:[^}]*\{", message, re.IGNORECASE):
        raise BadTemplate("The address behind short: is the same for everybody: no field can stand in it")
    raise BadTemplate(
        f'"{brace.group().rstrip()}" is neither a field, {{FIELD}}, nor a short link, {{short:https://…}}; '
        "write {{ and }} for braces"
    )
