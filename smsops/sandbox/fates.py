"""What becomes of an SMS: when which delivery report comes, and what its recipient answers.

Nothing is drawn and kept: everything follows from the seed, the campaign and the phone, so that the same seed gives the
same fates in whatever order one asks. Moments are in seconds since the epoch.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b

DELIVERED, UNDELIVERED, TRANSMITTED, REJECTED, UNKNOWN = 1, 2, 3, 4, 5

STATUSES: Mapping[int, str] = {
    DELIVERED: "Delivered",
    UNDELIVERED: "Not issued",
    TRANSMITTED: "Transmitted to the operator",
    REJECTED: "Message rejected",
    UNKNOWN: "SMS rejected",
}
"""The statuses of a delivery report (annex 6) and their texts."""

LATEST = 72 * 3600
"""Delivery reports change up to 72 hours after the sending (§8.1)."""

# Up to which draw each of the statuses is the last one; the manual gives no shares.
_LAST = ((DELIVERED, 0.92), (UNDELIVERED, 0.95), (UNKNOWN, 0.97), (REJECTED, 0.98), (TRANSMITTED, 1.0))
_ANSWERS = ("Oui", "Non", "Merci", "OK", "Bonjour, à quelle heure ?", "Je passe demain")
_STARTING = 0.2
_LATEST_START = 7 * 24 * 3600


@dataclass(frozen=True)
class Recipients:
    """How recipients behave: the seed of their fates, and which shares of those reached answer, and answer STOP."""

    seed: int = 0
    reply_rate: float = 0.0
    stop_rate: float = 0.0

    @property
    def talk(self) -> bool:
        """Whether anybody answers at all."""
        return self.reply_rate > 0 or self.stop_rate > 0

    def changed(self, options: Mapping[str, object]) -> "Recipients":
        """These with some options changed; ValueError names an option or a value that does not exist."""
        for name, value in options.items():
            if name not in self.options():
                raise ValueError(f"no option {name!r} of recipients; there are: {', '.join(self.options())}")
            if not isinstance(value, int if name == "seed" else int | float) or isinstance(value, bool):
                raise ValueError(f"{name} is a number, not {value!r}")
        made = replace(self, **options)  # type: ignore[arg-type]
        if not (made.reply_rate >= 0 and made.stop_rate >= 0 and made.reply_rate + made.stop_rate <= 1):
            raise ValueError("reply_rate and stop_rate are shares of the same people: from 0 to 1, together too")
        return made

    def options(self) -> dict[str, object]:
        """Every option with its value."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """A delivery report: a status of annex 6, and when the operator gave it."""

    status: int
    moment: float


def reports(recipients: Recipients, campaign: int, phone: str, due: float) -> list[Report]:
    """The reports on the SMS of a campaign that left at `due`: transmitted at once, the end of it within 72 hours."""
    fate, delay, *_ = _draws(recipients, campaign, phone)
    status = next(status for status, limit in _LAST if fate < limit)
    first = Report(TRANSMITTED, due)
    return [first] if status == TRANSMITTED else [first, Report(status, due + _within(LATEST, delay))]


def replies(recipients: Recipients, campaign: int, phone: str, due: float) -> list[tuple[float, str]]:
    """What comes back on an SMS that was delivered, and when: nothing, an answer, STOP, or STOP and a START later."""
    last = reports(recipients, campaign, phone, due)[-1]
    if last.status != DELIVERED:
        return []
    _, _, kind, delay, answer, start, later = _draws(recipients, campaign, phone)
    received = last.moment + _within(LATEST, delay)
    if kind < recipients.stop_rate:
        starts = [(received + _within(_LATEST_START, later), "START")] if start < _STARTING else []
        return [(received, "STOP"), *starts]
    if kind < recipients.stop_rate + recipients.reply_rate:
        return [(received, _ANSWERS[int(answer * len(_ANSWERS))])]
    return []


def _within(limit: int, draw: float) -> int:
    """A delay in seconds, at least one: half of the draws are below the square root of the limit."""
    return round(math.pow(limit, draw))


def _draws(recipients: Recipients, campaign: int, phone: str) -> tuple[float, ...]:
    """Seven numbers from 0 to 1 that depend on nothing else."""
    digest = blake2b(f"{recipients.seed}/{campaign}/{phone}".encode(), digest_size=28).digest()
    return tuple(number / 2**32 for number in struct.unpack("<7I", digest))
