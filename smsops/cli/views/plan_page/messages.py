"""Each message of a plan as a phone shows it, at its longest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smsops.cli.views.markup import Html, element, join
from smsops.model.plan import Change, Plan
from smsops.model.values import plural

MOST = 200
LONG = 2_000
"""Characters of a message that are shown; an SMS has 1,224 at most."""
_NAMED = 6


def section(plan: Plan) -> Html | None:
    """Nothing where the plan sends nothing that has a text."""
    sending = [
        one
        for one in plan.changes
        if one.send and one.send.recipients and one.send.message.get("longest", {}).get("text")
    ]
    if not sending:
        return None
    alike: dict[tuple[str, str], list[Change]] = {}
    for change in sorted(sending, key=lambda one: -(one.send.recipients if one.send else 0)):
        assert change.send is not None
        message = change.send.message
        alike.setdefault((str(message.get("sender", "")), str(message["longest"]["text"])), []).append(change)
    left_out = len(alike) - MOST
    shown = (element("li", _phone(changes)) for changes in list(alike.values())[:MOST])
    more = f"{left_out:,} more messages are not shown here; smsops preview prints them."
    return join((element("ol", join(shown, "\n"), class_="phones"), element("p", more) if left_out > 0 else None), "\n")


def _phone(changes: Sequence[Change]) -> Html:
    """What campaigns with the same text look like: the one with most recipients stands for all."""
    change = changes[0]
    send = change.send
    assert send is not None
    message, longest = send.message, send.message["longest"]
    content = str(longest["text"])
    cut = f" […] and {len(content) - LONG:,} more characters" if len(content) > LONG else ""
    when = f"{send.date:%a %Y-%m-%d %H:%M}" if send.date else "at once"
    others = ", ".join(str(one.address) for one in changes[1:_NAMED]) + (", …" if len(changes) > _NAMED else "")
    also = element("p", f"The same in {len(changes) - 1:,} more: ", element("bdi", others), class_="quiet told")
    return element(
        "article",
        element("h3", element("bdi", str(change.address))),
        element(
            "div",
            element("p", element("bdi", str(message.get("sender", ""))), class_="sender"),
            element("p", content[:LONG] + cut, class_="bubble", dir="auto"),
            element("p", when, class_="when"),
            class_="phone",
        ),
        element("ul", join(element("li", line) for line in _told(change, message, longest)), class_="quiet told"),
        also if others else None,
    )


def _told(change: Change, message: Mapping[str, Any], longest: Mapping[str, Any]) -> Iterator[str | Html]:
    assert change.send is not None
    counts = (
        plural(longest["length"], "character") if "length" in longest else "",
        plural(longest["segments"], "SMS", "SMS") if "segments" in longest else "",
        str(longest.get("encoding", "")),
    )
    yield ", ".join(filter(None, counts))
    yield f"to {plural(change.send.recipients, 'recipient')}, {plural(change.send.credits, 'credit')}"
    for one in message.get("forcing", ()):
        instead = f', write "{one["replacement"]}"' if one.get("replacement") else ""
        yield join((element("bdi", one["character"]), f" is not GSM-7{instead}"))
    for name, count in message.get("empty", {}).items():
        yield join((element("bdi", name), f" is empty for {plural(count, 'recipient')}"))
