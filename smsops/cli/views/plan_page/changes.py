"""The changes as a tree: accounts, their resources, what changes of each. The page's script filters it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from smsops.cli.views import text
from smsops.cli.views.findings import ending_severity, ending_word, word
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.plan_page.diagnostics import judgements
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.outcome import Outcome
from smsops.model.plan import NO_OP, Actions, Change, Plan
from smsops.model.values import plural

MOST_LISTED = 20_000
MOST_DETAILED = 1_500
"""So many changes can be opened; the others are a line. A page of 10,000 changes stays below three megabytes."""
_OPEN = 60
"""With so many changes or fewer the accounts are open."""

Judged = Mapping[Address | None, Sequence[Diagnostic]]


def section(plan: Plan, *, everything: bool = False, outcomes: Sequence[Outcome] = ()) -> Html | None:
    """Nothing where nothing changes. With `outcomes` each change tells how it ended."""
    ended = {outcome.operation.change.address: outcome for outcome in outcomes}
    noted = (outcome.operation.change for outcome in outcomes)  # a refresh changes nothing but the state
    found = {change.address: change for change in (*noted, *plan.changes, *(plan.unchanged if everything else ()))}
    changes = sorted(found.values(), key=lambda change: change.address.sort_key)
    if not changes:
        return None
    judged = judgements(plan)
    drifted = {change.address for change in plan.drift}
    ranked = sorted(changes, key=lambda change: _rank(change, judged, drifted, ended))
    listed, detailed = ({change.address for change in ranked[:most]} for most in (MOST_LISTED, MOST_DETAILED))
    by_account: dict[str | None, list[Change]] = {}
    for change in changes:
        by_account.setdefault(change.address.account, []).append(change)
    opened = len(changes) <= _OPEN or len(by_account) == 1
    trees = (
        _account(
            account,
            [_change(one, plan, judged.get(one.address, ()), one.address in drifted, one.address in detailed, ended.get(one.address)) for one in own if one.address in listed],
            own, opened,
        )
        for account, own in by_account.items()
    )  # fmt: skip
    refused = [item for item in judged.get(None, ()) if item.blocks or item.overrides]
    whole = join(element("li", word(item), ": ", element("bdi", item.summary)) for item in refused)
    return join(
        (
            element("ul", whole, class_="verdict") if whole else None,
            _filters(changes, by_account),
            *trees,
            *_left_out(len(changes)),
        ),
        "\n",
    )


def drift(plan: Plan) -> Html | None:
    """What others changed; nothing where they changed nothing."""
    if not plan.drift:
        return None
    left_out = len(plan.drift) - MOST_DETAILED
    rows = (
        element(
            "li",
            element("code", str(change.address)),
            f" {text.drifted(change)}",
            *_details(change),
            data_drift="gone" if change.deletes else "changed",
        )
        for change in plan.drift[:MOST_DETAILED]
    )
    return join(
        (
            element("p", "Changed outside of the configuration since the last apply: as it was → as it is."),
            element("ul", join(rows, "\n"), class_="changes"),
            element("p", f"{left_out:,} more are not shown here; smsops drift prints them.") if left_out > 0 else None,
        ),
        "\n",
    )


def _rank(change: Change, judged: Judged, drifted: Collection[Address], ended: Mapping[Address, Outcome]) -> int:
    """What matters most comes first: what is refused or not done, what cannot be undone, people and money, what others
    changed."""
    if change.address in judged or (change.address in ended and ended[change.address].status != "done"):
        return 0
    if change.deletes or change.send:
        return 1
    if change.moves or change.refund or change.address in drifted:
        return 2
    return 4 if change.actions == NO_OP else 3


def _left_out(count: int) -> Iterator[Html]:
    if count > MOST_LISTED:
        yield element("p", f"{count - MOST_LISTED:,} more changes are not listed here; smsops plan prints them.")
    if count > MOST_DETAILED:
        yield element(
            "p",
            f"{min(count, MOST_LISTED) - MOST_DETAILED:,} changes are shown without their attributes; smsops plan prints them. "
            "What is refused, destroyed, sent or paid has them first.",
        )


def name_of(actions: Actions) -> str:
    """One word for what happens to a resource."""
    return "replace" if len(actions) > 1 and "delete" in actions else " and ".join(actions)


# -- filters --------------------------------------------------------------------------------


def _filters(changes: Sequence[Change], by_account: Mapping[str | None, object]) -> Html:
    """Hidden until the page's script shows it: without it they would do nothing."""
    return element(
        "form",
        _field("text", "Text", element("input", type="search", id="filter-text", autocomplete="off", spellcheck="false")),
        _select("action", "Action", sorted({name_of(change.actions) for change in changes})),
        _select("kind", "Kind", sorted({change.address.kind for change in changes})),
        _select("account", "Account", [account or "" for account in by_account]),
        _check("blocked", "BLOCKED only"),
        _check("drifted", "drifted only"),
        element("button", "Open all", type="button", id="open-all"),
        element("button", "Close all", type="button", id="close-all"),
        element("output", id="filter-count", aria_live="polite"),
        id="filters",
        class_="filters",
        aria_label="Filter the changes",
        hidden=True,
    )  # fmt: skip


def _select(name: str, title: str, values: Sequence[str]) -> Html:
    options = (element("option", value or "(master)", value=f"={value}") for value in values)
    return _field(
        name, title, element("select", element("option", "all", value=""), join(options), id=f"filter-{name}")
    )


def _check(name: str, title: str) -> Html:
    return _field(name, title, element("input", type="checkbox", id=f"filter-{name}"), class_="check")


def _field(name: str, title: str, control: Html, class_: str = "field") -> Html:
    return element("div", element("label", title, for_=f"filter-{name}"), control, class_=class_)


# -- the tree -------------------------------------------------------------------------------


def _account(account: str | None, rows: Sequence[Html], own: Sequence[Change], opened: bool) -> Html:
    counts = Counter(name_of(change.actions) for change in own)
    told = ", ".join(f"{count:,} to {name}" for name, count in sorted(counts.items()))
    return element(
        "details",
        element(
            "summary",
            element("h3", element("bdi", account or "The master account")),
            " ",
            element("span", f"{plural(len(own), 'change')}: {told}", class_="quiet"),
        ),
        element("ul", join(rows, "\n"), class_="changes"),
        class_="account",
        open=opened,
        data_account=account or "",
    )


def _change(
    change: Change,
    plan: Plan,
    judged: Sequence[Diagnostic],
    drifted: bool,
    detailed: bool,
    outcome: Outcome | None,
) -> Html:
    fate = f"is now {change.address}" if text.is_only_moved(change) else text.fate(change, destroy=plan.destroy)
    if outcome:
        fate = text.ending(outcome, text.Paint(False))
    head = join(
        (
            element("b", text.symbol_of(change), class_=f"symbol {text.tint_of(change)}", aria_hidden="true"),
            element("code", str(change.previous_address if text.is_only_moved(change) else change.address)),
            " ",
            element("bdi", fate),
            element("span", ending_word(outcome), class_=f"badge {ending_severity(outcome)}")
            if outcome and outcome.status != "done"
            else None,
            *(element("span", word(item), class_=f"badge {item.severity}") for item in judged[:1]),
            element("span", "changed outside", class_="badge warning") if drifted else None,
        )
    )
    body = join(_body(change, judged)) if detailed else None
    return element(
        "li",
        element("details", element("summary", head), body, open=bool(judged)) if body else head,
        data_action=name_of(change.actions),
        data_kind=change.address.kind,
        data_blocked=any(item.blocks for item in judged),
        data_drifted=drifted,
        data_status=outcome.status if outcome else None,
    )


def _body(change: Change, judged: Sequence[Diagnostic]) -> Iterator[Html]:
    if change.previous_address and not text.is_only_moved(change):
        yield element("p", f"It was {change.previous_address}.")
    for item in judged:
        lines = (item.summary, *(f"by {override.text}" for override in item.overrides))
        yield element("p", word(item), ": ", element("bdi", "; ".join(lines)), class_=item.severity)
    yield from _details(change)


def _details(change: Change) -> Iterator[Html]:
    rows = [join((element("dt", name), element("dd", _value(old, new)))) for name, old, new in text.attributes(change)]
    if rows:
        yield element("dl", join(rows), class_="attributes")
    told = text.consequences(change)
    if told:
        yield element("ul", join(element("li", element("bdi", line)) for line in told), class_="told")


def _value(old: str | None, new: str | None) -> Html:
    if old is not None and new is not None:
        return join((element("del", old), " → ", element("ins", new)))
    return element("bdi", new or old)
