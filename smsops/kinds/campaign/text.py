"""The text of a message: fields become parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*)\}")
_PARAMETER = re.compile(r"#param_\d+#", re.IGNORECASE)

STOP = re.compile(r"[ \n]STOP au 36180\Z", re.IGNORECASE)
"""The mention that a custom sender needs in France (manual §6.2)."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message with its fields taken out: `wire` has #param_n#, `fields` their names in capitals, in order."""

    wire: str
    fields: tuple[str, ...]

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


class BadTemplate(ValueError):
    """A message that cannot be sent as it stands."""


def parse_template(message: str) -> Template:
    """Turn ``{FIELD}`` into parameters, numbered in order of first use; ``{{`` and ``}}`` are braces."""
    if _PARAMETER.search(message):
        raise BadTemplate("#param_n# is what fields become; write {FIELD}")
    fields: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] is None:
            return match.group()[0]
        name = match[1].upper()
        if name not in fields:
            fields.append(name)
        return f"#param_{fields.index(name) + 1}#"

    return Template(_FIELD.sub(number, message), tuple(fields))
