"""The method about links: §28."""

import re

from smsops.sandbox.answers import Body
from smsops.sandbox.calls import Call

_URL = re.compile(r"https?://[^\s/?#]+\.[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)


def shorten_url(call: Call) -> Body:
    """shortenUrl (§28): a new short address for each call. What the platform does not say is how it refuses one."""
    url = call.params.get("url").strip()
    if not url:
        raise call.refuse("The parameter url is not defined")
    if not _URL.fullmatch(url):
        raise call.refuse("The url is not valid")
    return call.succeeded() | {"url": url, "SHORTURL": call.store.add_link(call.caller.id, url)}
