"""From a campaign's block to a wanted resource, and the rules that a file alone can break."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smsops.kinds.base import Declaration, Declared, check_ignored
from smsops.kinds.campaign.alphabet import MAX_LENGTH, length
from smsops.kinds.campaign.audience import CampaignData, list_address
from smsops.kinds.campaign.recurrence import BadRecurrence, RecurrenceSpec, occurrences
from smsops.kinds.campaign.schedule import BadSchedule, read_schedule, wire_date
from smsops.kinds.campaign.spec import CampaignSpec, ListsSpec
from smsops.kinds.campaign.text import LONG_LINK, STOP, BadTemplate, Template, parse_template
from smsops.model.address import OCCURRENCE, Address
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import Desired
from smsops.model.shown import shown_phone
from smsops.table import BadCondition
from smsops.table.condition import check as check_condition

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{2,10}\Z")


def declare(kind: str, spec: CampaignSpec, declaration: Declaration) -> list[Desired]:
    """The campaign that a block stands for, or one for each occurrence; nothing where its message cannot be read."""
    address = Address(declaration.account, kind, declaration.key)
    try:
        template = parse_template(spec.message)
    except BadTemplate as error:
        declaration.error("SMS152", f"message: {error}", "message")
        return []
    if not template.fields and length(template.wire) > MAX_LENGTH:
        declaration.error(
            "SMS244", f"message: It is longer than {MAX_LENGTH:,} characters", "message", detail="Shorten it."
        )
    recurs = isinstance(spec.schedule, RecurrenceSpec)
    if not recurs:
        check_date(spec.schedule, declaration)
    if spec.sender is not None and not _SENDER.match(spec.sender):
        declaration.error(
            "SMS155", "sender: Write 3 to 11 letters, digits or blanks, a letter first and no accents", "sender"
        )
    elif spec.sender is not None and not STOP.search(spec.message):
        declaration.warning(
            "SMS201",
            "In France the sender will be 36180",
            "message",
            detail='A custom sender is used only where the message ends with " STOP au 36180".',
        )
    if spec.sender is not None and " " in spec.sender:
        declaration.warning(
            "SMS204",
            f'The sender "{spec.sender}" has a blank: French operators take none',
            "sender",
            detail="Write it in one word: what they refuse arrives from another sender, or not at all.",
        )
    for link in template.plain_links:
        if len(link) > LONG_LINK:
            declaration.warning(
                "SMS207",
                f"The link in the message takes {len(link)} characters",
                "message",
                detail=f"Write {{short:{link}}} for a short link.",
            )
    if not spec.audience.lists and not spec.audience.phones:
        declaration.error("SMS156", "audience: Name lists or phones", "audience")
    depends = dependencies(address, spec.audience, declaration)
    phones = _phones(spec, declaration)
    campaign = Desired(
        address,
        declaration.key,
        spec,
        data=CampaignData(template, phones),
        depends_on=depends,
        guard=declaration.guard(),
        mark=declaration.mark(),
        marks=marks(spec.audience, declaration, "message"),
    )
    return _each_occurrence(campaign, declaration) if recurs else [campaign]


def check_date(schedule: str, declaration: Declaration) -> None:
    """Report a date that names no single instant, here or for the API."""
    try:
        moment = read_schedule(schedule, declaration.settings.timezone)
        wire_date(moment, declaration.settings.account_timezone)
    except BadSchedule as error:
        declaration.error("SMS154", str(error), "schedule")


def _each_occurrence(campaign: Desired, declaration: Declaration) -> list[Desired]:
    """A campaign for each occurrence inside the horizon: the block's, with one date, known by the time on the wall."""
    spec: CampaignSpec = campaign.spec
    if "if_missed" in spec.model_fields_set and spec.if_missed != "skip":
        declaration.error(
            "SMS157",
            f"if_missed: {spec.if_missed} is for one date; an occurrence that is missed is skipped",
            "if_missed",
        )
    try:
        found = occurrences(spec.schedule, declaration.settings, declaration.now)
    except BadRecurrence as error:
        declaration.error("SMS157", f"schedule: {error}", "schedule", error.key)
        return []
    for what in found.impossible:
        declaration.warning("SMS248", f"An occurrence is left out: {what}", "schedule")
    for place in found.idle_skips:
        declaration.warning("SMS249", "skip: There is no such occurrence", "schedule", "skip", place)
    return [
        campaign._replace(
            address=campaign.address._replace(name=f"{declaration.key}{OCCURRENCE}{local:%Y-%m-%dT%H:%M}"),
            identity=f"{declaration.key}{OCCURRENCE}{local:%Y-%m-%dT%H:%M}",
            spec=spec.model_copy(update={"schedule": f"{local:%Y-%m-%d %H:%M}", "if_missed": "skip"}),
            data=campaign.data._replace(is_first=position == 0, recurrence=spec.schedule),
        )
        for position, local in enumerate(found.times)
    ]


def _phones(spec: CampaignSpec, declaration: Declaration) -> tuple[str, ...]:
    phones: dict[str, None] = {}
    for position, phone in enumerate(spec.audience.phones):
        try:
            phones[normalise_mobile(phone, declaration.settings.default_country)] = None
        except InvalidPhone as error:
            declaration.error(
                "SMS160",
                f"{shown_phone(phone) or 'This'} is not the number of a mobile: {error}",
                "audience",
                "phones",
                position,
            )
    return tuple(phones)


def dependencies(address: Address, audience: ListsSpec, declaration: Declaration) -> tuple[Address, ...]:
    """What something is sent after: its lists with their contacts, its account and its credits."""
    if audience.where and not audience.lists:
        declaration.error("SMS156", "audience.where: There are no lists to choose from", "audience", "where")
    keys = dict.fromkeys((*audience.lists, *audience.exclude_lists))
    depends = [list_address(address, key) for key in keys]
    depends += [Address(declaration.account, "contacts", key) for key in keys]
    if declaration.account:
        depends += [Address(None, "sub_account", declaration.account), Address(declaration.account, "credits")]
    return tuple(depends)


def check(desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
    """The lists and fields that it names must be there; occurrences of one block all name the same."""
    if not desired.data.is_first:
        return
    check_ignored(desired, ("audience",), diagnostics)
    if lists_are_there(desired, declared, diagnostics):
        template: Template = desired.data.template
        check_fields(desired, template.fields, "message", declared, diagnostics)
        check_where(desired, declared, diagnostics)


def lists_are_there(desired: Desired, declared: Declared, diagnostics: Diagnostics) -> bool:
    """Whether all lists of an audience are declared and right; what is unknown is reported."""
    audience: ListsSpec = desired.spec.audience
    complete = True
    named = [(key, f"lists.{i}") for i, key in enumerate(audience.lists)]
    named += [(key, f"exclude_lists.{i}") for i, key in enumerate(audience.exclude_lists)]
    for key, place in named:
        address = list_address(desired.address, key)
        if address in declared.broken:
            complete = False
        elif address not in declared.resources:
            complete = False
            diagnostics.error(
                "SMS150",
                f'There is no list "{key}" in this account',
                detail=did_you_mean(key, declared.names(desired.address.account, "list")),
                mark=desired.marks[place],
                address=desired.address,
            )
    return complete


def check_fields(
    desired: Desired, names: Sequence[str], place: str, declared: Declared, diagnostics: Diagnostics
) -> None:
    """Report each list of the audience that lacks one of some fields; `place` is where these are named."""
    lists = desired.spec.audience.lists
    for key in lists:
        fields = fields_of(key, desired, declared)
        for name in names:
            if name not in fields:
                diagnostics.error(
                    "SMS151",
                    f'The list "{key}" has no field {name}',
                    detail=did_you_mean(name, fields) or "Declare it under the list's fields:.",
                    mark=desired.marks[place],
                    address=desired.address,
                )
    if names and not lists:
        diagnostics.error(
            "SMS151",
            f"{names[0]} is a field of a list, and the audience has none",
            mark=desired.marks[place],
            address=desired.address,
        )


def check_where(desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
    """Report a condition that is none over the fields of the lists."""
    audience: ListsSpec = desired.spec.audience
    if audience.where and audience.lists:
        every = {name for key in audience.lists for name in fields_of(key, desired, declared)}
        try:
            check_condition(audience.where, tuple(sorted(every)))
        except BadCondition as error:
            diagnostics.error(
                "SMS153", f"audience.where: {error}", mark=desired.marks["audience.where"], address=desired.address
            )


def fields_of(key: str, desired: Desired, declared: Declared) -> set[str]:
    """The fields of a list of an audience, in capitals."""
    fields: set[str] = declared.resources[list_address(desired.address, key)].data
    return fields


def marks(audience: ListsSpec, declaration: Declaration, *names: str) -> dict[str, Mark]:
    """The places that rules across resources point at."""
    found = {name: declaration.mark(*name.split(".")) for name in (*names, "audience.where")}
    for name in ("lists", "exclude_lists"):
        for position, _ in enumerate(getattr(audience, name)):
            found[f"{name}.{position}"] = declaration.mark("audience", name, position)
    return found
