"""What comes first: whether the plan may be applied, what it does, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from smsops.cli.views import text
from smsops.cli.views.markup import Html, element, join
from smsops.model.plan import Plan
from smsops.model.values import plural, utc


def section(plan: Plan) -> Html:
    """The head of the page."""
    return join((element("p", origin(plan), class_="quiet"), summary(plan)), "\n")


def summary(plan: Plan) -> Html:
    """What stands in the way, the figures, and the last lines of the text."""
    return join((_verdict(plan), _figures(plan), _summary(plan)), "\n")


def origin(plan: Plan) -> Html:
    """The account, when the plan was made, and from what."""
    made = f"Made {plan.timestamp.astimezone(UTC):%Y-%m-%d %H:%M} UTC with smsops {plan.version}"
    git = f", commit {plan.git.commit[:12]}{' with changes' if plan.git.dirty else ''}" if plan.git else ""
    account = f"The account {plan.account}. " if plan.account else ""
    return join((account, element("time", made, datetime=utc(plan.timestamp)), f"{git}."))


def _verdict(plan: Plan) -> Html | None:
    """What stands in the way, in one line each."""
    said = [*_obstacles(plan)]
    if not said:
        return None
    return element("ul", join(element("li", line) for line in said), class_="verdict")


def _obstacles(plan: Plan) -> Iterator[str]:
    if plan.errored:
        yield "The plan is not whole: there are errors."
    if plan.blocked:
        yield f"BLOCKED: {plural(len(plan.blocked), 'finding')} must be dealt with before this may be applied."
    if plan.doubts:
        yield f"{plural(len(plan.doubts), 'call')} may have happened: see below what to do."
    if plan.unknown:
        some = ", ".join(map(str, plan.unknown[:5])) + (", …" if len(plan.unknown) > 5 else "")
        yield f"{plural(len(plan.unknown), 'resource')} could not be read and {'is' if len(plan.unknown) == 1 else 'are'} left alone: {some}"
    if plan.destroy and plan.changes:
        yield "This plan destroys what the stack owns."
    if plan.targets:
        yield f"Only a part of the stack was planned: {', '.join(plan.targets)}"


def _figures(plan: Plan) -> Html | None:
    """The figures that are looked for first, large."""
    found: list[tuple[str, str]] = [(f"to {name}", f"{count:,}") for name, count in plan.summary.items() if count]
    if plan.sends:
        counts = {name: sum(getattr(send, name) for send in plan.sends) for name in ("texts", "emails")}
        found += [
            *([("SMS", f"{counts['texts']:,}")] if counts["texts"] or not counts["emails"] else []),
            *([("e-mails", f"{counts['emails']:,}")] if counts["emails"] else []),
            ("recipients", f"{sum(send.recipients for send in plan.sends):,}"),
            ("credits spent", f"{plan.spend_estimate:,}"),
        ]
    if plan.moved:
        found.append(("credits moved", f"{plan.moved:,}"))
    if plan.given_back:
        found.append(("credits given back", f"{plan.given_back:,}"))
    tiles = (element("div", element("dt", name), element("dd", value)) for name, value in found)
    return element("dl", join(tiles), class_="figures") if found else None


def _summary(plan: Plan) -> Html:
    """The last lines of the text."""
    lines = (element("p", line) for line in text.summary_lines(plan, text.Paint(False)))
    return element("div", join(lines, "\n"), class_="summary")
