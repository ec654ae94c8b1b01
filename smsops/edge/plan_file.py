"""Saved plans: what was reviewed, to compare with what would be done."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from smsops.errors import SmsopsError, StalePlanError
from smsops.model.address import Address
from smsops.model.plan import CREATE, FORMAT_VERSION, UPDATE, Git, Operation, Plan
from smsops.model.sending import Send
from smsops.model.values import JSON, printed

_SHOWN = 20


def write(path: Path, plan: Plan) -> None:
    """Save the plan document, mode 0600. It holds no phone number and no secret."""
    content = f"{printed(plan.document())}\n".encode()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise SmsopsError(f"The plan cannot be written to {path}: {error.strerror}", code="SMS410") from None


def read(path: Path) -> Mapping[str, JSON]:
    """A plan document; SmsopsError where the file holds none."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SmsopsError(f"The plan {path} cannot be read: {error.strerror}", code="SMS410") from None
    except ValueError:
        raise SmsopsError(f"{path} is not a plan: it is not JSON", code="SMS411") from None
    if not isinstance(document, dict) or document.get("format_version") != FORMAT_VERSION:
        raise SmsopsError(f"{path} is not a plan of format {FORMAT_VERSION}", code="SMS411", detail="Make a new plan.")
    return document


def check_source(saved: Mapping[str, Any], plan: Plan, now: datetime) -> None:
    """Refuse a plan of something else: another configuration, account, state or version, or one that expired."""
    mine = plan.document()
    try:
        expires = datetime.fromisoformat(str(saved["expires"]))
        pins = [
            (saved["stack"], mine["stack"], f"The plan is of the stack {saved['stack']}"),
            (saved["account"], mine["account"], f"The plan is of the account {saved['account']}"),
            (saved["smsops_version"], mine["smsops_version"], f"The plan was made by smsops {saved['smsops_version']}"),
            (
                saved["config_fingerprint"],
                mine["config_fingerprint"],
                "The configuration has changed since the plan was made",
            ),
        ]
        lineage, serial = saved["state"]["lineage"], int(saved["state"]["serial"])
        git = Git(**saved["git"]) if saved["git"] else None
    except (KeyError, TypeError, ValueError) as error:
        raise SmsopsError(f"The plan is damaged: {error}", code="SMS411", detail="Make a new plan.") from None
    if expires <= now:
        raise StalePlanError("The saved plan has expired", code="SMS420", detail=f"It held until {saved['expires']}.")
    for then, is_now, summary in pins:
        if then != is_now:
            detail = "\n".join([*_difference(saved, plan), "Make a new plan and review it."])
            raise StalePlanError(summary, code="SMS421", detail=detail)
    if git and plan.git and not git.same_files(plan.git):
        raise StalePlanError(
            f"The plan was made from the commit {git.commit[:10]}, and this is {plan.git.commit[:10]}",
            code="SMS421",
            detail="Check that one out, or make a new plan.",
        )
    if serial and plan.lineage and lineage != plan.lineage:
        raise StalePlanError("The plan is of another state", code="SMS421", detail="Make a new plan.")
    if plan.serial < serial:
        raise StalePlanError(
            f"The state (serial {plan.serial}) is older than the plan (serial {serial})",
            code="SMS421",
            detail="An old state was put back. Make a new plan.",
        )


def check_operations(saved: Mapping[str, Any], plan: Plan, known: Collection[Address]) -> None:
    """Refuse where something would be done that was not reviewed: the plan must be the saved one or a part of it.

    What is left of an operation that died half-way is a part of it: all its steps were reviewed. What was to be created
    must be among the `known` addresses, wanted or done: time alone may take a campaign out of the configuration.
    """
    extra = [*_extra(saved, plan), *_expired(saved, known), *_other_sends(saved, plan)]
    if extra:
        raise StalePlanError(
            "The saved plan is stale: something else would be done now",
            code="SMS422",
            detail="\n".join([*extra, "Make a new plan and review it."]),
        )


def _difference(saved: Mapping[str, Any], plan: Plan) -> list[str]:
    """What would be done that was not reviewed, and what was reviewed and would not be done."""
    now = {str(operation.change.address) for operation in plan.operations}
    gone = sorted({str(operation["address"]) for operation in saved["operations"]} - now)
    return [*_extra(saved, plan), *_listed([f"{address}: nothing (it was to be changed)" for address in gone])]


def _extra(saved: Mapping[str, Any], plan: Plan) -> list[str]:
    try:
        reviewed = {operation["id"] for operation in saved["operations"]}
        steps = {operation["address"]: frozenset(operation.get("steps", ())) for operation in saved["operations"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise SmsopsError(f"The plan is damaged: {error}", code="SMS411", detail="Make a new plan.") from None
    lines = []
    for operation in plan.operations:
        change = operation.change
        if operation.id in reviewed or _is_rest(operation, steps.get(str(change.address))):
            continue
        word = "changed" if str(change.address) in steps else "new"
        lines.append(f"{change.address}: {' and '.join(change.actions)} ({word}: {change.reason})")
    return _listed(lines)


def _expired(saved: Mapping[str, Any], known: Collection[Address]) -> list[str]:
    names = {str(address) for address in known}
    try:
        created = [item["address"] for item in saved["resource_changes"] if item["change"]["actions"] == list(CREATE)]
    except (KeyError, TypeError) as error:
        raise SmsopsError(f"The plan is damaged: {error}", code="SMS411", detail="Make a new plan.") from None
    return _listed([f"{address}: nothing (its date has gone by)" for address in created if address not in names])


def _other_sends(saved: Mapping[str, Any], plan: Plan) -> list[str]:
    """What would cost more than was reviewed, and what would only be cancelled where it was to be sent anew."""
    try:
        sends = {item["address"]: item["send"] for item in saved["resource_changes"] if item.get("send")}
        told = {address: Send.cost_in(send) for address, send in sends.items()}
        serial = int(saved["state"]["serial"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SmsopsError(f"The plan is damaged: {error}", code="SMS411", detail="Make a new plan.") from None
    lines = []
    for change in plan.changes:
        if change.send is None or str(change.address) not in told:
            continue
        credits, messages = told[str(change.address)]
        if change.send.credits > credits or change.send.messages > messages:
            lines.append(
                f"{change.address}: {change.send.messages:,} messages for {change.send.credits:,} credits, reviewed were "
                f"{messages:,} for {credits:,.10g}"
            )
        elif messages and not change.send.messages and change.refund is not None and plan.serial == serial:
            lines.append(f"{change.address}: it would be cancelled, and nothing sent in its place")
    return _listed(lines)


def _listed(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"]


def _is_rest(operation: Operation, reviewed: frozenset[str] | None) -> bool:
    """Whether an operation is what a reviewed one of these steps left undone, or only records that nothing was left."""
    if reviewed is None:
        return False
    if operation.steps:
        return reviewed.issuperset(operation.steps)
    change = operation.change
    return change.actions in (CREATE, UPDATE) and change.calls == 0 and not change.moves
