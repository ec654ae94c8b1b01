"""Words for what becomes of a resource: its fate, its attributes, what that means for contacts, recipients and credits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smsops.cli.views.text.paint import Paint
from smsops.model.plan import (
    ADOPT,
    ADOPT_UPDATE,
    CREATE,
    DELETE,
    FORGET,
    NO_OP,
    REPLACE,
    UPDATE,
    Actions,
    Change,
)
from smsops.model.sending import Send
from smsops.model.shown import one_line
from smsops.model.values import JSON, plural

_SYMBOLS: Mapping[Actions, tuple[str, str, str]] = {
    CREATE: ("+", "green", "will be created"),
    UPDATE: ("~", "yellow", "will be updated"),
    DELETE: ("-", "red", "will be destroyed"),
    REPLACE: ("-/+", "magenta", "must be replaced"),
    ADOPT: ("=", "cyan", "will be adopted"),
    ADOPT_UPDATE: ("=~", "cyan", "will be adopted and updated"),
    FORGET: (".", "cyan", "will be forgotten, and left as it is"),
    NO_OP: (" ", "white", "does not change"),
}
_REASONS = {
    "configuration_changed": "",
    "absent_from_account": "",
    "delete_because_no_resource_config": "it is not in the configuration",
    "deleted_with_its_list": "with its list",
    "replace_because_cannot_update": "the API cannot change a list; every contact is kept",
    "replace_unfinished": "an earlier replace did not finish; every contact is kept",
    "grant_due": "",
    "below_floor": "the balance is below its floor",
    "audience_changed": "its audience changed",
    "partly_scheduled": "it is only partly scheduled",
    "already_sent": "it was sent, or nothing of it is scheduled",
    "no_longer_managed": "it is no longer managed",
    "removed_block": "removed: says so",
    "adopted": "it exists already",
}
_LONG, _BEGINNING, _ENDING = 320, 100, 40
"""Texts of more characters are shown by their beginning and their end; preview and JSON have them whole."""


def drifted(change: Change) -> str:
    """What became of a resource outside of the configuration."""
    return "is gone" if change.deletes else "has changed"


def is_only_moved(change: Change) -> bool:
    """Whether nothing becomes of a resource but another address."""
    return bool(change.previous_address) and change.actions == NO_OP


def fate(change: Change, *, destroy: bool = False) -> str:
    """What becomes of a resource, and why: `will be destroyed (it is not in the configuration)`."""
    reason = _REASONS.get(change.reason, change.reason.replace("_", " "))
    if destroy and change.reason == "delete_because_no_resource_config":
        reason = ""  # it may well be in the configuration
    return _SYMBOLS[change.actions][2] + (f" ({reason})" if reason else "")


def symbol_of(change: Change) -> str:
    """How a change is marked: `+`, `~`, `-/+`."""
    return _SYMBOLS[change.actions][0].strip()


def symbol(actions: Actions) -> str:
    """The sign of what happens to a resource."""
    return _SYMBOLS.get(actions, ("", "", ""))[0].strip()


def tint_of(change: Change) -> str:
    """The colour of that mark."""
    return _SYMBOLS[change.actions][1]


def done_text(actions: Actions, address: str, status: str) -> str:
    """One line for what became of one resource in an earlier run."""
    symbol = _SYMBOLS.get(actions, ("?", "", ""))[0].strip() or ">"
    return f"{symbol} {address}" + ("" if status == "done" else f" ({status.replace('_', ' ')})")


def change_details(change: Change, paint: Paint) -> list[str]:
    """What changes of a resource, line by line: attributes, contacts, messages, credits."""
    if not change.before and change.after:  # nearly all of a large plan
        after = change.after
        return [*[f"{name}: {value_text(after[name])}" for name in sorted(after)], *consequences(change)]
    arrow = paint("->", "yellow")
    lines = [
        f"{name}: {old} {arrow} {new}" if old is not None and new is not None else f"{name}: {new or old}"
        for name, old, new in attributes(change)
    ]
    return [*lines, *consequences(change)]


def consequences(change: Change) -> list[str]:
    """What a change means for contacts, recipients and credits, line by line."""
    lines: list[str] = []
    if change.contacts and change.contacts.total:
        counts = change.contacts
        lines.append(f"contacts: {counts.add:,} to add, {counts.change:,} to change, {counts.remove:,} to remove")
    if change.send:
        lines += _send_lines(change.send)
    if change.refund:
        lines.append(f"gives back: {plural(change.refund, 'credit')}")
    if change.moves:
        lines.append(f"credits moved: {change.moves:+,}")
    return lines


def _send_lines(send: Send) -> Iterator[str]:
    prices = ", ".join(
        f"{country} {plural(messages, 'SMS', 'SMS')} {credits:,}"
        for country, (messages, credits) in send.countries.items()
    )
    cost = plural(send.credits, "credit") + (f" ({prices})" if len(send.countries) > 1 else "")
    if send.channel == "email":
        yield f"sends: {plural(send.messages, 'e-mail')}; nobody tells what they cost"
    else:
        yield f"sends: {send.messages:,} SMS to {plural(send.recipients, 'recipient')}, {cost}"
    if send.parts and (send.parts.kept or send.parts.cancelled):
        kept, cancelled, sent = send.parts
        yield f"parts: {kept:,} stay as they are, {cancelled:,} cancelled, {sent:,} sent"
    if send.simulated:
        told = send.simulated
        yield (
            f"the API counts {told.messages:,} SMS to {plural(told.recipients, 'recipient')}, "
            f"{plural(told.credits, 'credit')}"
        )
    if send.funnel:
        funnel = send.funnel
        blacklist = f"{funnel.not_blacklisted:,} not blacklisted, " if send.channel == "sms" else ""
        yield (
            f"audience: {funnel.in_lists:,} in the lists, {funnel.matching:,} matching, {funnel.valid:,} valid, "
            f"{blacklist}{funnel.sent:,} sent"
        )
    if send.message:
        message = send.message
        short, median, long = (message[name] for name in ("shortest", "median", "longest"))
        sms = _span(short["segments"], long["segments"])
        size = _span(short["length"], long["length"])
        encoding = long["encoding"]
        if 0 < message["unicode"] < send.recipients:
            encoding = f"UCS-2 for {message['unicode']:,}, GSM-7 for {send.recipients - message['unicode']:,}"
        yield f"messages: {encoding}, {sms} SMS each, {size} characters, median {median['length']:,}"
        yield f"at its longest, from {one_line(message['sender'])}: {value_text(message['longest']['text'])}"
    if send.cancellable_until:
        until = send.cancellable_until
        yield f"can be taken back until {until:%Y-%m-%d %H:%M} {until.tzinfo}"


def _span(one: int, other: int) -> str:
    least, most = sorted((one, other))
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def attributes(change: Change) -> Iterator[tuple[str, str | None, str | None]]:
    """What changes of a resource: each attribute by name, before and after in words, None where it has none."""
    before, after = change.before or {}, change.after or {}
    for name in sorted(before.keys() | after.keys()):
        if not (name in before and name in after and before[name] == after[name]):
            yield (
                name,
                value_text(before[name]) if name in before else None,
                value_text(after[name]) if name in after else None,
            )


def value_text(value: JSON) -> str:
    """The value of an attribute, on one line."""
    if isinstance(value, str):
        if len(value) > _LONG:
            value = f"{value[:_BEGINNING]} […] {value[-_ENDING:]}"
        return one_line(value if value.startswith("(") else f'"{value}"')
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, Mapping):
        if all(isinstance(item, Mapping) for item in value.values()):  # names with switches: FIRSTNAME (mailing)
            return ", ".join(_switched(one_line(str(name)), flags) for name, flags in value.items()) or "(none)"
        return f"{{{', '.join(f'{one_line(str(name))}: {value_text(item)}' for name, item in value.items())}}}"
    return ", ".join(value_text(item) for item in value)


def _switched(name: str, flags: Mapping[str, JSON]) -> str:
    on = [flag for flag, value in flags.items() if value]
    return f"{name} ({', '.join(on)})" if on else name
