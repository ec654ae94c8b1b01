"""Writes docs/reference/: what the configuration may say, from its JSON Schemas, and what the commands take, from click.

Usage: python scripts/reference.py
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from smsops.cli.main import COMMANDS, root
from smsops.schemas import SCHEMAS

DIRECTORY = Path(__file__).parents[1] / "docs" / "reference"

_NOTE = "<!-- Made by make reference; not to be edited. -->\n\n"
_CONFIGURATION = """# Configuration

Every key of `smsops.yaml` and of the files that it includes. Where one block may stand in several places, its heading names the
first. A capital word in a heading (`KEY`, `NAME`) is a name of your own; `[]` is one item of a list. **Required** keys have no default; a
key without either is not managed, or not used, unless it is given. `null` clears what the account has.

Numbers and booleans may be written as text, and any text may hold `${var.x}`, `${env.X}`, `${row.column}` and `${stack.name}`. Durations are
a number and a unit: `90s`, `15m`, `24h`, `7d`. Included files hold the same sections, but for ALONE.

Editors complete and check the same from [the JSON Schema](../../schemas/stack.schema.json). Where this says what, the pages about
[credits](../credits.md), [messages](../messages.md), [campaigns](../campaigns.md), [e-mails](../email.md), [sources](../sources.md),
[webhooks](../listen.md), [policies](../policies.md), [rule packs](../rules.md) and [the state](../state.md) say why.

## Secrets

A secret is only ever a reference, with exactly one of these keys. A literal one is an error that does not print it.

| key | type | says |
| --- | --- | --- |
| `env` | text | an environment variable |
| `file` | text | a file; a final newline is left out |
| `command` | list of text | a program and its arguments; what it prints is the secret |

"""
_COMMANDS = """# Commands

Every command with its arguments and options, as `--help` tells them. The global options stand before or behind the command.
[Exit codes](../../README.md#commands) are the same for all.

"""
_TEXT_AS_NUMBER = r"\$\{|^[\w.+-]+$"
"""The pattern of the alternative that every number has: the same, written as text."""
_DURATION = r"^\d+\s*[smhd]$"


def main() -> None:
    """Write both pages."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    return {"configuration.md": configuration(), "commands.md": commands()}


def configuration() -> str:
    """What stacks and rule packs may say."""
    alone = [
        f"`{name}`" for name in SCHEMAS["stack"]()["properties"] if name not in SCHEMAS["included"]()["properties"]
    ]
    return (
        _NOTE
        + _CONFIGURATION.replace("ALONE", _choice(alone).replace(" or ", " and "))
        + "".join(_Blocks(SCHEMAS["stack"](), "").sections("smsops.yaml"))
        + "".join(_Blocks(SCHEMAS["rule-pack"](), "pack: ").sections("A rule pack"))
    ).rstrip("\n") + "\n"


class _Blocks:
    """The blocks of one schema, each with the shortest path on which it can be written."""

    def __init__(self, schema: Mapping[str, Any], prefix: str) -> None:
        self._schema = schema
        self._prefix = prefix
        self._paths: dict[str, str] = {}
        reached = list(_references(schema["properties"], ""))
        while reached:
            path, name = reached.pop(0)
            if name not in self._paths:
                self._paths[name] = path
                reached += _references(schema["$defs"][name].get("properties", {}), f"{path}.")

    def sections(self, title: str) -> Iterator[str]:
        """The page's parts: the schema itself, then each block below it."""
        yield self._section(f"## {title}", self._schema)
        order = list(self._schema["properties"])
        for name, path in sorted(self._paths.items(), key=lambda pair: (order.index(_first(pair[1])), pair[1])):
            yield self._section(f"### `{self._prefix}{path}`", self._schema["$defs"][name])

    def _section(self, heading: str, block: Mapping[str, Any]) -> str:
        said = f"{block['description']}\n\n" if block.get("description") and heading.startswith("###") else ""
        rows: list[tuple[str, ...]] = [("key", "type", "default", "says"), ("---",) * 4]
        for key, schema in block["properties"].items():
            rows += self._rows(key, schema, key in block.get("required", ()))
        return f"{heading}\n\n{said}{_table(rows)}\n"

    def _rows(self, key: str, schema: Mapping[str, Any], required: bool) -> Iterator[tuple[str, ...]]:
        default = "**required**" if required else _default(schema.get("default"))
        yield (f"`{key}`", self._type(schema), default, schema.get("description", ""))
        items = schema.get("items", {})
        for inner, each in items.get("properties", {}).items():  # a block without a name, as in `generate`
            yield from self._rows(f"{key}[].{inner}", each, inner in items.get("required", ()))

    def _type(self, schema: Mapping[str, Any]) -> str:
        match schema:
            case {"$ref": reference}:
                path = self._paths[_name(reference)]
                return f"[{path}](#{slug(f'{self._prefix}{path}')})"
            case {"oneOf": _}:
                return "[secret](#secrets)"
            case {"anyOf": alternatives}:
                return _choice([self._type(each) for each in alternatives if not _left_out(each)])
            case {"enum": values}:
                return _choice([f"`{value}`" for value in dict.fromkeys(map(str, values))])
            case {"const": value}:
                return f"`{value}`"
            case {"type": "array", "items": {"type": "object"} as item} if not isinstance(
                item.get("additionalProperties"), dict
            ):
                return "list of blocks"
            case {"type": "array", "items": {"type": "object"}}:
                return "list of rows"
            case {"type": "array", "items": items}:
                return f"list of {self._type(items)}"
            case {"type": "object", "additionalProperties": dict(values)}:
                return f"by name: {self._type(values)}"
            case {"type": "object", "patternProperties": patterns}:
                return f"by name: {self._type(next(iter(patterns.values())))}"
            case {"type": "object", "properties": properties}:
                return " and ".join(f"`{key}:` {self._type(each)}" for key, each in properties.items())
            case {"type": "object"}:
                return "block"
            case {"type": "integer" | "number" as kind}:
                return ("whole number" if kind == "integer" else "number") + _bounds(schema)
            case {"type": "boolean"}:
                return "`true` or `false`"
            case {"pattern": str(pattern)} if pattern == _DURATION:
                return "duration"
        examples = schema.get("examples", ())
        return "text" + (f" such as `{examples[0]}`" if examples else "")


def _references(properties: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """The path and the name of each block that these keys lead to."""
    for key, schema in properties.items():
        yield from _leads_to(schema, before + key)


def _leads_to(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        yield path, _name(schema["$ref"])
    for each in schema.get("anyOf", ()):
        yield from _leads_to(each, path)
    if isinstance(schema.get("items"), dict):
        yield from _leads_to(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _leads_to(schema["additionalProperties"], f"{path}.KEY")
    for each in schema.get("patternProperties", {}).values():
        yield from _leads_to(each, f"{path}.NAME")


def _left_out(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null" or schema.get("pattern") == _TEXT_AS_NUMBER


def _first(path: str) -> str:
    """The section that a path leads through."""
    return re.split(r"[.\[]", path)[0]


def _choice(kinds: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    said = [f"above {schema['exclusiveMinimum']}"] if "exclusiveMinimum" in schema else []
    if low is not None:
        said.append(f"{low} to {high}" if high is not None else f"{low} or more")
    elif high is not None:
        said.append(f"at most {high}")
    return f", {', '.join(said)}" if said else ""


def _default(value: Any) -> str:
    if value is None:
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def commands() -> str:
    """What each command takes."""
    context = click.Context(root, info_name="smsops")
    parts = [_NOTE, _COMMANDS, "## Global options\n\n", _options(root, context)]
    for name in COMMANDS:
        module, _, attribute = COMMANDS[name][0].partition(":")
        parts += _command(getattr(importlib.import_module(module), attribute), name, context)
    return "".join(parts).rstrip("\n") + "\n"


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, inner, context)
        return
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## {context.command_path}\n\n```text\n{usage}\n```\n\n"
    for paragraph in cleandoc(command.help or "").replace("\b\n", "").split("\n\n"):
        yield " ".join(paragraph.split()).replace("<", "&lt;") + "\n\n"
    yield _options(command, context)


def _options(command: click.Command, context: click.Context) -> str:
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    rows = [(f"`{names}`", said) for names, said in filter(None, records)]
    return f"{_table([('option', 'does'), ('---', '---'), *rows])}\n" if rows else ""


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """A table; whatever stands in a cell is no markup of its own."""
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


if __name__ == "__main__":
    main()
