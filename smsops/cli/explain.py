"""`explain`: what a code of smsops means, or a status of the API, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from smsops.api.methods import METHODS, SIMPLIFIED_SENDING, Method, SendStatus, StatusTable, Verdict, called, comparable
from smsops.cli.options import Command
from smsops.model.diagnostics import did_you_mean

if TYPE_CHECKING:
    from smsops.cli.codes import Explanation

_NAMES = ["send" if method is SIMPLIFIED_SENDING else method.name for method in METHODS]
_ABOUT = {"1": "the configuration", "2": "the plan", "3": "the API", "4": "state, plans and commands"}
_LINK = re.compile(r"\[([^\]]+)\]\((?:docs/)?([\w-]+\.md)\)")
_AMOUNTS = {
    Verdict.DONE: "It was done.",
    Verdict.REFUSED: "It was refused: nothing has happened.",
    Verdict.UNAUTHENTICATED: "It was refused: nothing has happened.",
}

_TAKEN_IN_PART = "It was refused; or, where the answer has a campaign id, taken without its invalid numbers."


def _completed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from smsops.cli.codes import explained

    return [name for name in (*explained(), *_NAMES) if name.lower().startswith(incomplete.lower())]


@click.command(cls=Command)
@click.argument("subjects", metavar="[CODE]...|METHOD [STATUS]...", nargs=-1, shell_complete=_completed)
def explain(subjects: tuple[str, ...]) -> None:
    """Say what codes of errors and warnings mean, such as SMS201 or 201, and what to do; without CODE, all of them. Or what a
    METHOD of the API says with a STATUS: smsops explain sendSms 109.
    """
    if subjects and subjects[0].lower() in map(str.lower, _NAMES):
        method = called(subjects[0])
        told = [_status(method, status) for status in subjects[1:]] or [_statuses(method)]
    else:
        told = _codes(subjects)
    click.echo("\n".join(told))


def _codes(given: tuple[str, ...]) -> list[str]:
    from smsops.cli.codes import explained

    known = explained()
    codes = [_code(text, known) for text in given] or list(known)
    return [f"{code}: {_plain(known[code].means)}\n      {_plain(known[code].to_do)}" for code in codes]


def _code(given: str, known: Mapping[str, Explanation]) -> str:
    number = re.fullmatch(r"(?:SMS)?(\d{3})", given.strip(), re.IGNORECASE)
    code = f"SMS{number[1]}" if number else given.upper()
    if code not in known:
        typed = code.translate(str.maketrans("OIL", "011"))
        hint = did_you_mean(typed, [typed] if typed in known else known) if re.search(r"\d", given) else ""
        hint = hint or did_you_mean(given, _NAMES)
        raise click.UsageError(f'There is no code "{given}" and no such method. {hint}'.strip())
    return code


def _plain(markdown: str) -> str:
    """Text for a terminal: a link to a page names the page."""
    return _LINK.sub(
        lambda link: f"docs/{link[2]}" if link[1].endswith(link[2]) else f"{link[1]} (docs/{link[2]})", markdown
    )


def _status(method: Method, given: str) -> str:
    from smsops.api.causes import cause, meaning

    entry = meaning(method, comparable(given))
    if entry is None and (delivered := _delivery(method).get(given)):
        return f"A message of {method.name} with {given} (manual {method.section}, appendix 6): {delivered}."
    if entry is None:
        known = ", ".join(str(each.code) for each in method.statuses) or "none"
        raise click.UsageError(
            f"The manual ({method.section}) gives {method.name} no status {given}; smsops takes such an answer for no success. "
            f"It gives: {known}."
        )
    amounts = _TAKEN_IN_PART if entry is SendStatus.TOO_LONG else _AMOUNTS[entry.verdict]
    lines = [f"{method.name} {given} (manual {method.section}): {entry.meaning}.", f"      {amounts}"]
    if entry.verdict is not Verdict.DONE and (why := cause(method, entry)):
        lines.append(f"      {why}")
    return "\n".join(lines)


def _delivery(method: Method) -> dict[str, str]:
    """What became of a message, by the status in a report; nothing for methods that bring no reports."""
    from smsops.api.methods import GET_ACK_BY_SMS_ID, GET_ACKS
    from smsops.api.records import DeliveryStatus

    return {str(one.code): one.meaning for one in DeliveryStatus} if method in (GET_ACKS, GET_ACK_BY_SMS_ID) else {}


def _statuses(method: Method) -> str:
    entries: list[StatusTable] = list(method.statuses)
    known = [*((str(entry.code), entry.meaning) for entry in entries), *_delivery(method).items()]
    if not known:
        return f"{method.name} (manual {method.section}) has no status: what it answers is what was asked for, or an error."
    width = max(len(code) for code, _ in known)
    head = f"{method.name} (manual {method.section}) answers with:"
    return "\n".join([head, *(f"  {code:<{width}}  {text}" for code, text in known)])
