"""How a message looks on phones: what a plan shows of it, and what deserves a second look."""

from __future__ import annotations

from collections.abc import Mapping

from smsops.kinds.campaign.alphabet import forcing, is_gsm, length, safe, segments
from smsops.kinds.campaign.links import known_links
from smsops.kinds.campaign.parts import Survey
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP, Template, stand_in
from smsops.kinds.view import Resource, View
from smsops.model.shown import mask_text
from smsops.model.values import JSON, plural

DEFAULT_SENDER = "36180"
OLD_LIMIT = 640
"""An older page of the vendor allows so many characters, the manual 1,224 (API-NOTES, row 40)."""


def message_document(resource: Resource, survey: Survey, view: View) -> dict[str, JSON]:
    """The message as the plan shows it (`MessageDocument`)."""
    spec: CampaignSpec = resource.want.spec
    template: Template = resource.want.data.template
    shortest, median, longest = (rendering(text) for text in survey.texts)
    return {
        "sender": shown_sender(spec.sender, template.wire),
        "shortest": shortest,
        "median": median,
        "longest": longest,
        "unicode": survey.unicode,
        "forcing": _forcing(spec.message, survey),
        "empty": dict(survey.empty),
        "links": _links(template, known_links(template, resource.entry, view)),
    }


def rendering(text: str) -> dict[str, JSON]:
    """One rendering of a message, long numbers in it masked (`RenderingDocument`)."""
    encoding = "GSM-7" if is_gsm(text) else "UCS-2"
    return {"text": mask_text(text), "length": length(text), "segments": segments(text), "encoding": encoding}


def shown_sender(sender: str | None, message: str) -> str:
    """The sender that French phones show (manual §5, §6.2)."""
    return sender if sender and STOP.search(message) else DEFAULT_SENDER


def _forcing(message: str, survey: Survey) -> list[JSON]:
    found: dict[str, dict[str, JSON]] = {
        one.character: {"places": list(one.places), "fields": [], "replacement": one.replacement}
        for one in forcing(message)
    }
    for name, characters in survey.foreign.items():
        for one in forcing("".join(sorted(characters))):
            document = found.setdefault(one.character, {"places": [], "fields": [], "replacement": one.replacement})
            document["fields"] = [*document["fields"], name]
    return [{"character": character, **document} for character, document in found.items()]


def _links(template: Template, known: Mapping[str, str]) -> list[JSON]:
    short = {link: known.get(link, stand_in(number)) for number, link in enumerate(template.links, start=1)}
    return [
        *({"url": mask_text(link), "length": len(made), "short": True} for link, made in short.items()),
        *({"url": mask_text(link), "length": len(link), "short": False} for link in template.plain_links),
    ]


def judge_message(resource: Resource, survey: Survey, view: View) -> None:
    """Say what deserves a second look before it is sent."""
    address, spec = resource.address, resource.want.spec
    longest = survey.texts[2]
    if survey.unicode and segments(longest) > 1:
        better = safe(longest)
        fewer = better is not None and segments(better) < segments(longest)
        saved = f", {segments(better)} without them" if better is not None and fewer else ""
        view.warn(
            address,
            "SMS203",
            f"Characters outside GSM-7 make {address} UCS-2 for {plural(survey.unicode, 'recipient')}: "
            f"up to {segments(longest)} SMS each{saved}",
            " ".join(_told(document) for document in _forcing(spec.message, survey)),
        )
    for name, count in survey.empty.items():
        view.warn(
            address,
            "SMS205",
            f"{name} is empty for {plural(count, 'recipient')} of {address}",
            f"Give them a value, or leave them out (where: {name} <> '' leaves out contacts; phones: have no fields).",
        )
    if length(longest) > OLD_LIMIT:
        view.warn(
            address,
            "SMS206",
            f"The longest message of {address} has {length(longest):,} characters",
            f"The manual allows 1,224; an older page of the API's vendor {OLD_LIMIT}. Shorten it if you can.",
        )


def _told(document: dict[str, JSON]) -> str:
    character, replacement = document["character"], document["replacement"]
    where = ", ".join(map(str, document["places"]))
    where = " and ".join(filter(None, (where and f"at {where}", ", ".join(document["fields"]))))
    instead = (
        "has no replacement"
        if replacement is None
        else f'write "{replacement}"'
        if replacement.strip()
        else "leave it out"
    )
    return f"{character} ({where}): {instead}."
