"""Markdown for a comment on a pull request: money first, then what is wrong, then every change, as much as a comment holds.

A comment begins with a marker that names the stack and cannot be seen, so that the next run finds and replaces it. The words are
those of the text. Whatever came from a file or from the account is escaped: it formats nothing, links nothing, tells nobody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from smsops.cli.views import text
from smsops.cli.views.campaigns import cost_of, report_head, report_lines, status_line, statuses
from smsops.errors import ExitCode
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.outcome import Outcome, Report
from smsops.model.plan import CREATE, Change, Plan
from smsops.model.sending import Send
from smsops.model.shown import UNSEEN
from smsops.model.standing import Delivery, Standing
from smsops.model.values import plural

LIMIT = 65_000
"""Characters of a document; GitHub takes 65,536."""

_PLAIN = text.Paint(False)
_NOTE = 1_000
"""Room for saying what is not shown."""
_CELL, _LINE = 8_000, 3_000
"""Characters of a cell and of a line, escaped."""
_FIRST = 50
"""So many errors come before everything else."""

# What matters most comes first, and what comes last is left out first.
_TROUBLE, _DESTRUCTIVE, _SEND, _MONEY, _CREATION, _WARNING, _REST = range(7)

_SPECIAL = str.maketrans(
    {"&": "&amp;", "<": "&lt;", **{character: f"&#{ord(character)};" for character in "`|*_~[]\\$#"}}
)
"""`>` means something at the beginning of a line only, and nothing of others ever stands there."""
_WAKES = re.compile(r"(?<=@)(?=[A-Za-z0-9])|(?<=&#35;)(?=\d)|(?<=[Gg][Hh]-)(?=\d)|(?<=:)(?=[a-z+-][\w+&#;-]*:)")
"""Where GitHub would see a person, an issue or an emoji."""
_LINKS = re.compile(r"(?<=:)//|\b(www)\.", re.IGNORECASE)
_UNSEEN = re.compile(f"[{UNSEEN}\u200b\ufeff]")
"""What would hide something, or turn a line around."""


# -- documents ------------------------------------------------------------------------------


def plan(made: Plan, command: str = "plan") -> str:
    """The plan; drift is one that changes nothing."""
    return _plan_document(made, command, f"{command.capitalize()} of {made.stack}", ())


def apply(report: Report, refused: ExitCode | None) -> str:
    """What an apply did; the plan, where it did nothing."""
    made = report.plan
    title = f"Apply of {made.stack}"
    if not report.outcomes:
        said = ["Apply refused: nothing was done."] if refused is not None else []
        return _plan_document(made, "apply", title, said)
    items = [*_diagnostic_items(made.diagnostics), *(_outcome_item(outcome) for outcome in report.outcomes)]
    head, doubtful = text.report_line(report, _PLAIN), text.doubtful_lines(report)
    sections = [_Section("Not done"), *_TROUBLES, *_accounts([one.operation.change for one in report.outcomes])]
    top = [_bold(head), *(escape(line) for line in doubtful), *map(escape, text.summary_lines(made, _PLAIN))]
    return _document("apply", made.stack, title, top, sections, items, _source(made))


def failure(command: str, stack: str, diagnostics: Sequence[Diagnostic]) -> str:
    """A run that could not begin."""
    return _document(
        command, stack, f"{command.capitalize()} of {stack}", [_bold("Nothing was done.")], _TROUBLES, _diagnostic_items(diagnostics)
    )  # fmt: skip


def validation(stack: str, resources: int | None, diagnostics: Sequence[Diagnostic]) -> str:
    """What validate found; `resources` is None where the configuration is wrong."""
    said = text.validation_line(resources, diagnostics)
    items = _diagnostic_items(diagnostics)
    return _document("validate", stack, f"Validation of {stack}", [_bold(said)], _TROUBLES, items)


def status(standings: Sequence[Standing], stack: str, zone: str) -> str:
    """Each campaign with its parts."""
    head = ("campaign", "state", "date", "from", "recipients", "credits", "message", "parts")
    items = [
        _Item(_REST, "campaigns", (("Campaigns", _row(_standing_cells(one))),), str(one.address)) for one in standings
    ]
    said = status_line(standings, zone)
    return _document(
        "status", stack, f"Campaigns of {stack}", [_bold(said)], [_Section("Campaigns", table=head)], items
    )


def report(delivery: Delivery, stack: str) -> str:
    """What became of a campaign."""
    one = delivery.standing
    rows = [
        (escape(name), f"{count:,}", f"{count / one.recipients if one.recipients else 0:.1%}")
        for name, count in (
            *statuses(delivery),
            *((f"delivered within {hours} h", count) for hours, count in delivery.within.items()),
        )
    ]
    items = [_Item(_REST, "rows", (("Delivery", _row(row)),), row[0]) for row in rows]
    top = [
        _bold(report_head(delivery)),
        f"Message: {escape(one.message)}",
        *map(escape, report_lines(delivery)),
    ]
    sections = [_Section("Delivery", table=("status", "recipients", "share"))]
    return _document("report", f"{stack} {one.address}", f"Report of {one.address}", top, sections, items)


def _plan_document(made: Plan, command: str, title: str, said: Sequence[str]) -> str:
    about: dict[Address | None, list[Diagnostic]] = {}
    for item in made.diagnostics:
        if item.severity == "error" or item.overrides:
            about.setdefault(item.address, []).append(item)
    items = [
        *(_doubt_item(doubt.address, text.doubt_details(doubt)) for doubt in made.doubts),
        *_diagnostic_items(made.diagnostics),
        *(_drift_item(change) for change in made.drift),
        *(_change_item(change, about.get(change.address, ()), destroy=made.destroy) for change in made.changes),
    ]
    summary = [*said, *text.summary_lines(made, _PLAIN)]
    top = [_bold(line) if place == 0 else escape(line) for place, line in enumerate(summary)]
    if made.account:
        top.insert(0, f"The account {escape(made.account)}, the stack {escape(made.stack)}:")
    sections = [
        *_TROUBLES,
        _Section(
            "Drift", table=("resource", "changed outside of the configuration since the last apply", "since then")
        ),
        _Section("Sends", table=("campaign", "date", "recipients", "SMS", "credits", "the message at its longest")),
        *_accounts(made.changes),
    ]
    return _document(command, made.stack, title, top, sections, items, _source(made))


# -- items: what is shown, or left out ------------------------------------------------------


class _Section(NamedTuple):
    """A heading and what stands below it: a list, or a table with these columns; `folded` is shown when it is clicked at."""

    title: str
    table: tuple[str, ...] = ()
    folded: str = ""

    @property
    def head(self) -> str:
        shown = f"<details><summary>{self.folded}</summary>\n" if self.folded else f"### {self.title}\n"
        return f"{shown}\n{_row(self.table)}\n|{' --- |' * len(self.table)}" if self.table else shown

    @property
    def foot(self) -> str:
        return "\n\n</details>" if self.folded else ""


class _Item(NamedTuple):
    """One thing: how much it matters, what it counts as, its rows by the section they stand in."""

    weight: int
    noun: str
    rows: tuple[tuple[str, str], ...]
    name: str = ""


_TROUBLES = (
    *(_Section(title) for title in ("In doubt", "Blocked", "Errors", "Overridden")),
    _Section("Warnings", folded="Warnings"),
)


def _accounts(changes: Iterable[Change]) -> Iterator[_Section]:
    """A table for each account that changes, the master's first, with how many of its resources are to be what."""
    by_account: dict[str | None, Counter[str]] = {}
    for change in changes:
        by_account.setdefault(change.address.account, Counter())[_count_word(change)] += 1
    for account in sorted(by_account, key=lambda key: key or ""):
        counts = ", ".join(f"{count:,} {word}" for word, count in by_account[account].items())
        name = f"<b>{escape(account)}</b>" if account else "<b>The master account</b>"
        yield _Section(_account_title(account), ("", "resource", "what becomes of it", ""), f"{name}: {counts}")


def _account_title(account: str | None) -> str:
    return f"account {account or ''}"


def _count_word(change: Change) -> str:
    return "moved" if text.is_only_moved(change) else text.fate(change).partition(" (")[0]


def _change_item(change: Change, about: Sequence[Diagnostic], *, destroy: bool) -> _Item:
    account = _account_title(change.address.account)
    if text.is_only_moved(change):
        cells = ("", _code(change.previous_address), f"is now {_code(change.address)}", "")
        return _Item(_REST, "moved", ((account, _row(cells)),))
    becomes = [text.fate(change, destroy=destroy)]
    if change.previous_address:
        becomes.append(f"it was {change.previous_address}")
    becomes += [line for item in about if item.blocks or item.overrides for line in text.judged_lines([item], _PLAIN)]
    cells = (
        escape(text.symbol_of(change)),
        _code(change.address),
        _cell(becomes),
        _cell(text.change_details(change, _PLAIN)),
    )
    rows = [(account, _row(cells))]
    if change.send and change.send.recipients:
        rows.insert(0, ("Sends", _row(_send_cells(change.address, change.send))))
    return _Item(_weight(change, bool(about)), _count_word(change), tuple(rows))


def _drift_item(change: Change) -> _Item:
    cells = (_code(change.address), text.drifted(change), _cell(text.change_details(change, _PLAIN)))
    return _Item(_DESTRUCTIVE if change.deletes else _MONEY, "drifted", (("Drift", _row(cells)),))


def _weight(change: Change, in_trouble: bool) -> int:
    if in_trouble:
        return _TROUBLE
    if change.deletes or (change.contacts and change.contacts.remove):
        return _DESTRUCTIVE
    if change.send and change.send.recipients:
        return _SEND
    if change.moves or change.refund:
        return _MONEY
    return _CREATION if change.actions == CREATE else _REST


def _send_cells(address: Address, send: Send) -> Sequence[str]:
    date = f"{send.date:%Y-%m-%d %H:%M} {send.date.tzinfo}" if send.date else "at once"
    longest = send.message["longest"]["text"] if send.message else ""
    if send.channel == "email":
        numbers = (f"{send.recipients:,}", plural(send.messages, "e-mail"), "?")
    else:
        numbers = (f"{send.recipients:,}", f"{send.messages:,}", f"{send.credits:,}")
    return _code(address), escape(date), *numbers, _cell([longest])


def _diagnostic_items(diagnostics: Iterable[Diagnostic]) -> list[_Item]:
    items: list[_Item] = []
    for item in diagnostics:
        place = f"{item.mark}: " if item.mark else f"{item.address}: " if item.address else ""
        said = _cell([f"{item.severity} {item.code}: {item.summary}", *item.detail.splitlines()])
        row = f"- {_bold(place)}{said}" if place else f"- {said}"
        section, noun = "Warnings", "warning"
        if item.blocks:
            section, noun = "Blocked", "refusal"
        elif item.overrides:
            section = "Overridden"
        elif item.severity == "error":
            section, noun = "Errors", "error"
        weight = _WARNING if section == "Warnings" else _TROUBLE if len(items) < _FIRST else _CREATION
        items.append(_Item(weight, noun, ((section, row),)))
    return items


def _doubt_item(address: Address, details: Sequence[str]) -> _Item:
    return _Item(_TROUBLE, "doubt", (("In doubt", f"- {_code(address)} is in doubt: {_cell(details)}"),))


def _outcome_item(outcome: Outcome) -> _Item:
    change = outcome.operation.change
    ended = text.ended_text(outcome, _PLAIN)
    row = _row((escape(text.symbol_of(change)), _code(change.address), _cell([ended]), ""))
    if outcome.status == "done":
        return _Item(_weight(change, False), "done", ((_account_title(change.address.account), row),))
    rows = (("Not done", f"- {_cell([ended])}"), (_account_title(change.address.account), row))
    return _Item(_TROUBLE, outcome.status.replace("_", " "), rows)


def _standing_cells(one: Standing) -> Sequence[str]:
    state: str = one.state
    if one.cancellable_until:
        state = f"{state}, can be taken back until {one.cancellable_until:%Y-%m-%d %H:%M}"
    parts = [
        f"{part.campaign_id or '-'}: {plural(part.recipients, 'recipient')}, {cost_of(part)}, {part.status}"
        for part in one.parts
    ]
    numbers = (f"{one.recipients:,}", "?" if one.credits is None else f"{one.credits:,}")
    date = f"{one.date:%a %Y-%m-%d %H:%M}"
    return _code(one.address), escape(state), date, escape(one.sender), *numbers, escape(one.message), _cell(parts)


def _source(made: Plan) -> str:
    """What a plan was made from."""
    git = (
        f"Commit {made.git.commit[:10]}{', with changes beside it' if made.git.dirty else ''}, state"
        if made.git
        else "State"
    )
    return f"<sub>{git} serial {made.serial}, smsops {escape(made.version)}.</sub>"


# -- one document, as long as it may be -----------------------------------------------------


class _Fit(NamedTuple):
    """What has a place: rows by section; what has none, counted by noun."""

    rows: Mapping[str, Sequence[str]]
    left_out: Mapping[str, int]


def _document(
    command: str,
    stack: str,
    title: str,
    top: Sequence[str],
    sections: Sequence[_Section],
    items: Sequence[_Item],
    end: str = "",
) -> str:
    name = re.sub(r"[^\w./ @:-]", "", stack).replace("--", "- -") or "?"
    about = name if command in ("plan", "validate") else f"{command} {name}"
    begin = [f"<!-- smsops: {about} -->", f"## {escape(title)}", *top]
    fixed = sum(map(_size, begin)) + 2 * len(begin) + _size(end) + _NOTE
    fit = _fit(LIMIT - fixed, {section.title: section for section in sections}, items)
    shown = [
        section.head + "\n" + "\n".join(fit.rows[section.title]) + section.foot
        for section in sections
        if section.title in fit.rows
    ]
    return "\n\n".join([*begin, *shown, *_left_out(fit.left_out), *([end] if end else [])])


def _fit(room: int, sections: Mapping[str, _Section], items: Sequence[_Item]) -> _Fit:
    """What matters most, as long as there is room: nothing is shown that matters less than what is left out."""
    rows: dict[str, list[tuple[int, str]]] = {}
    order = sorted(range(len(items)), key=lambda place: (items[place].weight, place))
    shown = 0
    for place in order:
        cost = sum(_size(row) + 1 for _, row in items[place].rows)
        opened = {title for title, _ in items[place].rows} - rows.keys()
        cost += sum(_size(sections[title].head) + _size(sections[title].foot) + 4 for title in opened)
        if cost > room:
            break
        room -= cost
        shown += 1
        for title, row in items[place].rows:
            rows.setdefault(title, []).append((place, row))
    left_out = Counter(items[place].noun for place in order[shown:])
    return _Fit({title: [row for _, row in sorted(found)] for title, found in rows.items()}, left_out)


def _left_out(counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    what = ", ".join(f"{count:,} {noun}" for noun, count in counts.items())
    return [
        f"**{sum(counts.values()):,} more are not shown** ({what}): a comment is no longer than {LIMIT:,} characters. "
        "What matters most is above; `smsops` prints the rest as text and as JSON."
    ]


# -- texts ----------------------------------------------------------------------------------


def escape(said: str, most: int = _LINE) -> str:
    """Text that is shown as it is, in one line of at most `most` characters."""
    escaped = _escape(said)
    if _size(escaped) > most:
        kept = len(said)
        while _size(escaped) > most - 1:
            kept = min(kept - 1, kept * most // _size(escaped))
            escaped = _escape(said[:kept])
        escaped += "…"
    return escaped


def _escape(said: str) -> str:
    one_line = _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", said.replace("\r\n", "\n").replace("\t", " "))
    escaped = _LINKS.sub(lambda match: f"{match[1]}&#46;" if match[1] else "/&#47;", one_line.translate(_SPECIAL))
    return _WAKES.sub("\u200b", escaped).replace("\n", "<br>")


def _cell(lines: Sequence[str]) -> str:
    """Lines below each other, as many as a cell holds."""
    cells: list[str] = []
    room = _CELL
    for place, line in enumerate(lines):
        shown = escape(line, min(_LINE, _CELL) if len(lines) > 1 else _CELL - 100)
        room -= _size(shown) + 4
        if room < 0:
            return "<br>".join([*cells, f"and {plural(len(lines) - place, 'more line')}"])
        cells.append(shown)
    return "<br>".join(cells)


def _code(address: Address | None) -> str:
    return f"<code>{escape(str(address))}</code>"


def _bold(said: str) -> str:
    return f"<b>{escape(said)}</b>"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(shown: str) -> int:
    """Characters as GitHub counts them at worst: those outside the basic plane count twice."""
    return len(shown) if shown.isascii() else len(shown.encode("utf-16-le")) // 2
