"""What the platform pushes to a webhook (manual §5.3, §6.5, §10.3), as it is kept: with no whole phone number in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from smsops.model.values import Secret, digest, slow_digest

WebhookKind = Literal["delivery", "reply"]


class WebhookEvent(NamedTuple):
    """A delivery report or a reply. `id` is its identity: the same event pushed twice has the same.

    A delivery has a `status` with its `text`, a reply a `reply_id` and what was written as `text`; both texts are masked.
    `moment` is in the account's zone, ISO 8601, empty where no date could be read. `phone` is masked; `person` is a digest by
    which the same number is known again, made with the key that `key` names. `client_id` is the CLIMSGID, which the manual
    announces (§6.2) and does not list. `arrived` is when it came, ISO 8601, UTC, always of one length.
    """

    id: str
    kind: WebhookKind
    campaign_id: str
    sms_id: str
    status: str
    reply_id: str
    text: str
    moment: str
    phone: str
    person: str
    key: str
    client_id: str
    arrived: str


class Sighting(NamedTuple):
    """A campaign that webhooks told of: its id, the CLIMSGID where one came along, and when it was first heard of."""

    campaign_id: str
    client_id: str
    since: datetime


class PersonKey:
    """Knows people again whose numbers nobody keeps. It is made from the secret of the webhooks' address.

    Numbers are few, so a digest alone could be guessed by whoever finds it; the secret is not kept beside it.
    """

    def __init__(self, secret: Secret) -> None:
        self._key = slow_digest(secret.reveal(), "smsops webhooks")
        self.id = digest("id", key=self._key, length=8)

    def person(self, phone: str) -> str:
        """The digest of a number in international form, with or without `+` or `00`; empty where it has no digit."""
        digits = re.sub(r"\D", "", phone).removeprefix("00")
        return digest(digits, key=self._key) if digits else ""


class Heard(NamedTuple):
    """What webhooks told of some campaigns. `key` is None where the secret is not at hand: then nobody is known again."""

    events: Sequence[WebhookEvent] = ()
    key: PersonKey | None = None


NOTHING_HEARD = Heard()
