"""What is known about the world after a call that did not succeed, because that decides what may be done next::

ApiError
├── NotSent                     the request never left: nothing happened
├── Refused                     the server said no, in a documented way: nothing happened
│   └── AuthenticationRefused   it does not know this login and key (or said so in one of its ways)
├── Unreadable                  a read brought no answer that can be trusted: nothing is known
└── OutcomeUnknown              a write that may or may not have happened: never repeat it on a guess
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from smsops.model.shown import mask_text


class ApiError(Exception):
    """A call that did not succeed.

    `detail` says what was seen, `hint` what to do, `status` is the server's own code or HTTP status. None of
    them ever holds an API key, a password or a whole phone number. `transient` when the cause may well be
    gone a little later; the client has by then tried again as often as it may.
    """

    code: ClassVar[str] = "SMS300"

    def __init__(
        self, method: str, detail: str, *, status: int | str | None = None, hint: str = "", transient: bool = False
    ) -> None:
        super().__init__(method, status)
        self.method = method
        self.detail = mask_text(detail)
        self.status = status
        self.hint = hint
        self.transient = transient

    def __str__(self) -> str:
        told = self.status is None or str(self.status) in self.detail
        return f"{self.method}{'' if told else f' {self.status}'}: {self.detail}"


class NotSent(ApiError):
    """The request never left, after every retry: nothing happened."""

    code = "SMS301"


class Refused(ApiError):
    """The server answered with a documented error: nothing happened. `status` is its code."""

    code = "SMS302"


class AuthenticationRefused(Refused):
    """The server does not accept this login and API key, in one of the ways it has to say so."""

    code = "SMS303"


class Unreadable(ApiError):
    """A read that brought no answer to trust: it failed, was cut short or makes no sense."""

    code = "SMS304"


class OutcomeUnknown(ApiError):
    """A write that may or may not have happened. `evidence` is what part of an answer arrived, masked."""

    code = "SMS305"

    def __init__(
        self,
        method: str,
        detail: str,
        *,
        status: int | str | None = None,
        hint: str = "",
        transient: bool = False,
        evidence: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(method, detail, status=status, hint=hint, transient=transient)
        self.evidence: Mapping[str, str] = dict(evidence or {})
