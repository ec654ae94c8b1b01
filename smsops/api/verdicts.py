"""One answer under judgement: what it says, and which error follows when that is not a success.

Which error it is depends on the method. What cannot be trusted is `Unreadable` after a read and
`OutcomeUnknown` after a write, and the latter carries what can be saved of the answer as evidence: a campaign
id that is lost is lost for good, because no method lists campaigns.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TypeVar

from smsops.api.causes import CHECK_CREDENTIALS, cause, refusal
from smsops.api.errors import ApiError, AuthenticationRefused, OutcomeUnknown, Refused, Unreadable
from smsops.api.methods import Method, StatusTable, Verdict, comparable
from smsops.api.records import HIDDEN
from smsops.api.tree import Malformed, Mapped, Tree, decode, elements, keyed, number, text, unwrapped
from smsops.model.shown import mask_emails, mask_text

T = TypeVar("T")

CHECK_URL = "Check account.url: it is the address up to the version, such as https://api.allmysms.com/http/9.0."
SLOW_DOWN = "Lower settings.requests_per_second."
LOOK_FIRST = "It may have happened: look at the account before doing it again."

_TEXT_KEYS = ("statustext", "text", "error", "errors", "message")
_NUMBERS = ("status", "credits", "creditsused", "nbcredits", "nbcontacts", "nbsms", "success", "ignored", "duplicated")
_WORDS = ("statustext", "text", "error", "login")
_SECRETS = ("apikey", "password", "passcode")
_KEPT = "|".join(("campaignid", *_NUMBERS, *_WORDS, *_SECRETS))
_SAVED_JSON = re.compile(
    rf'"\s*({_KEPT})\s*"\s*:\s*(?:"((?:[^"\\]|\\.){{0,300}})"|(-?[0-9]+(?:\.[0-9]+)?)(?=\s*[,}}\]]))', re.IGNORECASE
)
_SAVED_XML = re.compile(rf"<\s*({_KEPT})\s*>([^<]{{1,300}})<\s*/", re.IGNORECASE)
_SAVED_BYTES = 65536
_LONG_ANSWER = 1_000_000


def judge(method: Method, parse: Callable[[Answer], T], body: bytes, secrets: Sequence[str] = ()) -> T:
    """What `parse` makes of the body of an answer, or the error that it amounts to.

    `secrets` are the texts that must not show in an error even if the server echoes them.
    """
    answer = Answer(method, body, secrets)
    opened = False
    try:
        with _collector_paused(len(body)):
            answer.open()
            opened = True
            return parse(answer)
    except Malformed as malformed:
        problem = str(malformed)
    # Raised out here so that the error does not carry the parser's view of the body as its context.
    # What could not even be parsed may have been cut short on its way, so that asking again can help.
    raise answer.unclear(problem, transient=not opened)


@contextmanager
def _collector_paused(size: int) -> Iterator[None]:
    """Keep the garbage collector from looking through millions of new dicts again and again.

    Reading a million contacts takes half as long again with it, and leaves no cycles to find.
    """
    pause = size > _LONG_ANSWER and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


class Answer:
    """The body of an answer, with the errors it can amount to."""

    def __init__(self, method: Method, body: bytes, secrets: Sequence[str] = ()) -> None:
        self.method = method
        self.body = body
        self.secrets = secrets
        self.tree: Tree = None

    def open(self) -> None:
        """Parse the body; everything below needs it."""
        self.tree = unwrapped(decode(self.body), self.method.name)

    @cached_property
    def mapped(self) -> Mapped:
        return keyed(self.tree)

    @property
    def code(self) -> str:
        return comparable(self.mapped.get("status"))

    @property
    def error(self) -> bool:
        """Whether there is an `error` that says something; PHP writes "none" as "", 0, false or []."""
        return any(self.mapped.get(key) not in (None, "", "0", 0, False, [], {}) for key in ("error", "errors"))

    @property
    def said(self) -> str:
        """The server's own words, fit to be shown. They are for people: nothing is decided by them."""
        values = (self.mapped.get(key) for key in _TEXT_KEYS)
        return next((self.quoted(value) for value in values if isinstance(value, str) and value.strip()), "")

    def quoted(self, words: str) -> str:
        """Words of the server without secrets, whole phone numbers and addresses, and control characters, at most 200 long."""
        words = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", conceal(words, self.secrets)).strip()
        return mask_emails(mask_text(words))[:200]

    def entry(self) -> StatusTable:
        """The documented meaning of the status, or an error when it has none."""
        entry = self.method.meaning(self.code)
        if entry is None:
            raise self.strange_status()
        return entry

    def done(self) -> StatusTable:
        """The entry of a status that says that it was done; every other status is an error."""
        entry = self.entry()
        if entry.verdict is not Verdict.DONE:
            raise self.refused(entry)
        if self.error:
            raise self.unclear("the answer says that it was done, and an error besides")
        return entry

    def no_failure(self, zero: type[Refused] = AuthenticationRefused) -> None:
        """Pass the good answer of a read that has no status of its own; `zero` is what status 0 amounts to.

        A wrong key shows as `error`, as 102 or as a plain 0, by method; it must never read as "there is none".
        """
        code = self.code
        if self.error or code == "102":
            raise self.turned_down(AuthenticationRefused, "the server does not answer this account")
        if code == "0":
            raise self.turned_down(zero, "the server reports an error")
        if code not in ("", "1", "100", "OK"):
            raise self.strange_status()

    def refused(self, entry: StatusTable) -> Refused:
        """The error for a documented failure."""
        kind = AuthenticationRefused if entry.verdict is Verdict.UNAUTHENTICATED else Refused
        return self.turned_down(kind, entry.meaning, status=entry.code, hint=cause(self.method, entry))

    def turned_down(
        self, kind: type[Refused], what: str, *, status: int | str | None = None, hint: str = ""
    ) -> Refused:
        """The error for a clear no, in the server's words where it has some."""
        if status is None and self.code:
            status = int(self.code) if self.code.lstrip("-").isdecimal() else self.quoted(self.code)
        detail = f'{what} ("{self.said}")' if self.said else what
        hint = hint or (CHECK_CREDENTIALS if kind is not Refused else refusal(self.method))
        return kind(self.method.name, detail, status=status, hint=hint)

    def strange_status(self) -> Unreadable | OutcomeUnknown:
        raw = self.mapped.get("status")
        seen = self.quoted(text(raw)) if not isinstance(raw, (dict, list, bool)) else "no status"
        said = f' ("{self.said}")' if self.said else ""
        return self.unclear(
            (f"undocumented status {seen}" if seen else "an answer without a status") + said, status=seen
        )

    def unclear(
        self, detail: str, *, status: int | str | None = None, transient: bool = False, **evidence: str
    ) -> Unreadable | OutcomeUnknown:
        """The error for an answer that settles nothing."""
        if self.method.reads:
            return Unreadable(self.method.name, detail, status=status or None, transient=transient)
        return OutcomeUnknown(
            self.method.name,
            detail,
            status=status or None,
            hint=LOOK_FIRST,
            transient=transient,
            evidence=self.evidence() | evidence,
        )

    def broken(self, what: str, transient: bool = True) -> Unreadable | OutcomeUnknown:
        """The error for a request that may have arrived and brought no whole answer; the body is what came of it."""
        with suppress(Malformed):
            self.open()
        return self.unclear(what, transient=transient)

    def evidence(self) -> dict[str, str]:
        """What can be told of an answer, or of a piece of one, without secrets and whole phone numbers."""
        try:
            found = {key: text(value) for key, value in self._flat().items()}
        except Malformed:
            found = _saved(self.body)
        return {key: self._shown(key, value) for key, value in found.items() if value}

    def _flat(self) -> Mapped:
        flat = dict(self.mapped)
        for member in elements(flat.get("subaccount"), "subaccount")[:1]:
            flat |= keyed(member)
        wanted = ("campaignid", *_NUMBERS, *_WORDS, *_SECRETS)
        return {key: flat[key] for key in wanted if key in flat}

    def _shown(self, key: str, value: str) -> str:
        if key in _SECRETS:
            return HIDDEN
        if key == "campaignid":  # may be nothing but digits, and is what a lost send is found by
            return conceal(value, self.secrets)[:100]
        if key in _NUMBERS and number(value) is not None and len(value) < 15:
            return conceal(value, self.secrets)
        return self.quoted(value)


def conceal(words: str, secrets: Sequence[str]) -> str:
    """Words without the secrets that stand in them; a very short secret only where it is a whole word."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= 4:
            words = words.replace(secret, HIDDEN)
        else:
            words = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, words)
    return words


def _saved(body: bytes) -> dict[str, str]:
    """The telling keys of a body that cannot be parsed: cut short, or with a warning of PHP in front."""
    words = body[:_SAVED_BYTES].decode("utf-8", "replace")
    found: dict[str, str] = {}
    for match in _SAVED_JSON.finditer(words):
        found.setdefault(match[1].lower(), (match[2] or match[3] or "").strip())
    for match in _SAVED_XML.finditer(words):
        found.setdefault(match[1].lower(), match[2].strip())
    return found


def http_failure(method: Method, status: int, body: bytes, secrets: Sequence[str] = ()) -> ApiError:
    """The error for an HTTP status that is not 200, the only one that carries an answer."""
    if status in (401, 403):
        return AuthenticationRefused(method.name, f"HTTP status {status}", status=status, hint=CHECK_CREDENTIALS)
    if status in (404, 405, 413, 415):
        return Refused(method.name, f"HTTP status {status}", status=status, hint=CHECK_URL)
    if status == 429:  # an explicit refusal, also of a write
        kind = Unreadable if method.reads else Refused
        return kind(method.name, "too many requests (HTTP status 429)", status=status, hint=SLOW_DOWN, transient=True)
    failure = Answer(method, body, secrets).broken(f"HTTP status {status}", status >= 500 or status in (408, 425))
    failure.status = status
    failure.hint = CHECK_URL if 300 <= status < 400 else failure.hint
    return failure
