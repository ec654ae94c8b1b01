"""Why a sending is refused, with the statuses of annex 5 or of the older table on the vendor's web page."""

from collections.abc import Mapping
from enum import Enum

from smsops.sandbox.answers import Body, Style
from smsops.sandbox.calls import Refused


class Reason(Enum):
    """Why a sending is refused. A member is (status of annex 5, status of the web page); None where a table has none."""

    STRANGER = (102, 102)
    NOTHING_LEFT = (104, 103)
    TOO_FEW_CREDITS = (104, 104)
    EMPTY_FEED = (105, 105)
    BROKEN_FEED = (109, 106)
    NUMBERS_NOT_GIVEN = (114, 106)
    CLIENT_CODE = (None, 107)
    NO_MESSAGE = (110, 108)
    TOO_LONG = (111, 109)
    BAD_DATA = (109, 110)
    SOME_NUMBERS = (None, 111)
    NO_NUMBER = (114, 112)
    LONG_LINK = (None, 113)
    NO_MASTER = (None, 114)
    BAD_DATE = (115, 110)


TEXTS: Mapping[int, str] = {
    102: "Connection Problem - No account matches the specified clientcode and apiKey",
    105: "Empty XML Feeds",
    109: "Invalid or incomplete feed after the <MESSAGE>",
    110: "Undefined message (empty) in the feed",
    111: "The message exceeds the number of characters",
    114: "No valid phone number in the stream",
    115: "Invalid feed or badly formatted dates between the <DATE> and </DATE>",
}
"""How a feed is refused (annex 5), beside 104."""
WEB_TEXTS: Mapping[int, str] = {
    102: "Connection problems - We could not match any of the accounts to your clientcode and passcode",
    103: "No more credits. Please re-credit your account on AllMySms.com",
    105: "Empty XML flow.",
    106: "Invalid or incomplete XML flow.",
    107: "The client code given in the XML flow is invalid or incomplete. It needs to be written in capital letters.",
    108: "Empty message in the XML flow.",
    109: "The message is more than 640 characters.",
    110: "XML flow invalid or incomplete.",
    111: "Some phone numbers are not valid.",
    112: "None of the phone numbers are valid.",
    113: "Your link is too long: it has to be less than 80 characters.",
    114: "The master account specified does not exist.",
}
"""The same in the older table, beside 104."""
LONGEST = {"manual": 1224, "web": 640}
"""The most characters of a text, by table."""


def counted(style: Style, reason: Reason) -> bool:
    """Whether the table in force knows this reason."""
    return _status(style, reason) is not None


def said(style: Style, reason: Reason, text: str = "") -> Body:
    """The status and the text of a reason, in the table in force."""
    status = _status(style, reason)
    texts = TEXTS if style.statuses == "manual" else WEB_TEXTS
    return {"status": status, "statusText": text or texts[status or 0]}


def refused(style: Style, reason: Reason, text: str = "", **more: str) -> Refused:
    """The refusal of a sending."""
    return Refused(said(style, reason, text) | more)


def too_few(style: Style, cost: float, credits: float) -> Refused:
    """The refusal of a sending that costs more than there is; the older table tells an empty account apart."""
    if credits <= 0 and style.statuses == "web":
        return refused(style, Reason.NOTHING_LEFT)
    return refused(
        style,
        Reason.TOO_FEW_CREDITS,
        f"insufficient credit to handle the shipment. Use: {cost} Credits, Available: {credits} Credits. "
        "Please re-credit your account on AllMySMS.com",
    )


def _status(style: Style, reason: Reason) -> int | None:
    manual, web = reason.value
    status: int | None = manual if style.statuses == "manual" else web
    return status
