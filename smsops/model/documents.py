"""The shapes of the JSON documents, from which their schemas are made."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class DiagnosticDocument(TypedDict):
    severity: Literal["error", "warning"]
    code: str
    summary: str
    detail: str
    address: str | None
    file: str | None
    line: int | None
    column: int | None
    policy: str | None
    overridden: bool


class OverrideDocument(TypedDict):
    """What lets breaches of policies through; `let_through` names the policies that are broken all the same."""

    policy: str
    address: str | None
    until: str | None
    by: str
    reason: str
    let_through: list[str]


class ChangeDocument(TypedDict):
    actions: list[Literal["create", "update", "delete", "adopt", "forget", "no-op"]]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    before_sensitive: dict[str, Any] | bool
    after_sensitive: dict[str, Any] | bool


class ContactsDocument(TypedDict):
    add: int
    change: int
    remove: int


class FunnelDocument(TypedDict):
    """People in the lists, meant, with the number of a mobile, not on the blacklist, and sent to by this apply."""

    in_lists: int
    matching: int
    valid: int
    not_blacklisted: int
    sent: int


class CountryDocument(TypedDict):
    messages: int
    credits: float


class RenderingDocument(TypedDict):
    """The message as one recipient reads it; `length` as the API counts it."""

    text: str
    length: int
    segments: int
    encoding: Literal["GSM-7", "UCS-2"]


class ForcingDocument(TypedDict):
    """A character that makes a message UCS-2: where it stands in the text (from 1), or in which fields' values."""

    character: str
    places: list[int]
    fields: list[str]
    replacement: str | None


class LinkDocument(TypedDict):
    url: str
    length: int
    short: bool


class MessageDocument(TypedDict):
    """How a message looks: its shortest, median and longest rendering, and whose name it carries."""

    sender: str
    shortest: RenderingDocument
    median: RenderingDocument
    longest: RenderingDocument
    unicode: int
    """Recipients whose message is UCS-2."""
    forcing: list[ForcingDocument]
    empty: dict[str, int]
    """Recipients without a value, by field."""
    links: list[LinkDocument]


class SimulatedDocument(TypedDict):
    """What simulateCampaign says."""

    recipients: int
    messages: int
    credits: float


class PartsDocument(TypedDict):
    """Parts of a campaign: those that stay as they are scheduled, those that are cancelled, those that are sent."""

    kept: int
    cancelled: int
    sent: int


class SendDocument(TypedDict):
    recipients: int
    messages: int
    channel: Literal["sms", "email"]
    credits: float
    date: str | None
    cancellable_until: str | None
    funnel: FunnelDocument | None
    countries: dict[str, CountryDocument]
    message: MessageDocument | dict[str, None]
    simulated: SimulatedDocument | None
    parts: PartsDocument | None
    unpriced: list[str]


class ResourceChangeDocument(TypedDict):
    address: str
    mode: Literal["managed"]
    type: str
    name: str
    account: str | None
    change: ChangeDocument
    action_reason: str
    previous_address: NotRequired[str]
    contacts: NotRequired[ContactsDocument]
    send: NotRequired[SendDocument]


class OperationDocument(TypedDict):
    id: str
    address: str
    method: str
    calls: int
    depends_on: list[str]
    steps: NotRequired[list[str]]


class GitDocument(TypedDict):
    commit: str
    dirty: bool
    tree: str


class StateReference(TypedDict):
    lineage: str | None
    serial: int


class SummaryDocument(TypedDict):
    add: int
    change: int
    destroy: int
    replace: int
    adopt: int
    forget: int


class CreditsDocument(TypedDict):
    master_before: float | None
    moved: float
    spend_estimate: float
    master_after: float | None


class CauseDocument(TypedDict):
    what: str
    credits: float


class ForecastDocument(TypedDict):
    """What is to come for the master's balance until a day; null in the plan where nothing is, or nobody can say."""

    until: str
    master_at_end: float
    runs_dry: str | None
    causes: list[CauseDocument]


class BalanceDocument(TypedDict):
    """What a plan does to the credits of one account; null is the master. Null where nobody knows a balance."""

    account: str | None
    before: float | None
    after: float | None
    comes_in: float
    goes_out: float


class SendsDocument(TypedDict):
    campaigns: int
    recipients: int
    messages: int
    """SMS."""
    emails: NotRequired[int]


class IntentDocument(TypedDict):
    id: str
    address: str
    method: str
    since: str
    facts: dict[str, Any]
    effects: dict[str, float | None]
    before: dict[str, float]


class DoubtedBalanceDocument(TypedDict):
    """A balance without a call in doubt, and what the call does to it (null: nobody knows). `account` is null for the master's."""

    account: str | None
    before: float | None
    effect: float | None


class DoubtDocument(TypedDict):
    id: str
    address: str
    method: str
    since: str
    facts: dict[str, Any]
    balances: list[DoubtedBalanceDocument]
    evidence: str


class PlanDocument(TypedDict):
    format_version: Literal["1.0"]
    smsops_version: str
    timestamp: str
    expires: str
    errored: bool
    stack: str
    account: str | None
    config_fingerprint: str
    git: GitDocument | None
    state: StateReference
    destroy: bool
    targets: list[str]
    adopt: bool
    refresh_only: bool
    resource_changes: list[ResourceChangeDocument]
    resource_drift: list[ResourceChangeDocument]
    operations: list[OperationDocument]
    summary: SummaryDocument
    credits: CreditsDocument
    forecast: ForecastDocument | None
    balances: list[BalanceDocument]
    sends: SendsDocument
    in_doubt: list[DoubtDocument]
    unknown: list[str]
    overrides: list[OverrideDocument]
    diagnostics: list[DiagnosticDocument]


class ValidationDocument(TypedDict):
    format_version: Literal["1.0"]
    valid: bool
    error_count: int
    warning_count: int
    diagnostics: list[DiagnosticDocument]


class CheckDocument(TypedDict):
    check: str
    status: Literal["ok", "warning", "error"]
    summary: str
    detail: str


class DoctorDocument(TypedDict):
    format_version: Literal["1.0"]
    healthy: bool
    checks: list[CheckDocument]


class OperationEventDocument(TypedDict):
    format_version: Literal["1.0"]
    type: Literal[
        "operation_started",
        "operation_progress",
        "operation_done",
        "operation_failed",
        "operation_skipped",
        "operation_in_doubt",
    ]
    timestamp: str
    id: str
    address: str
    actions: list[str]
    method: str
    calls: NotRequired[int]
    seconds: NotRequired[float]
    returned: NotRequired[dict[str, Any]]
    code: NotRequired[str | None]
    detail: NotRequired[str]
    done: NotRequired[int]
    total: NotRequired[int]
    unit: NotRequired[str]
    per_second: NotRequired[float | None]
    seconds_left: NotRequired[float | None]


class SummaryEventDocument(TypedDict):
    format_version: Literal["1.0"]
    type: Literal["summary"]
    timestamp: str
    exit_code: int
    interrupted: bool
    done: list[str]
    failed: list[str]
    skipped: list[str]
    in_doubt: list[str]
    unfinished: list[str]
    not_started: list[str]
    diagnostics: list[DiagnosticDocument]


ApplyEventDocument = OperationEventDocument | SummaryEventDocument


class RehearsedOperationDocument(TypedDict):
    """How an operation ended in the copy."""

    address: str
    actions: list[Literal["create", "update", "delete", "adopt", "forget", "no-op"]]
    status: Literal["done", "failed", "skipped", "in_doubt", "unfinished", "not_started"]
    calls: int
    seconds: float
    code: str | None
    detail: str


class CallsDocument(TypedDict):
    """The calls that the apply made to the copy, reads included; it makes the same to the account."""

    total: int
    by_method: dict[str, int]


class RehearsedSecondsDocument(TypedDict):
    """What the calls took in the copy, and what they take on the account at the least, by `requests_per_second`."""

    copy: float
    account_at_least: float


class RehearsedBalanceDocument(TypedDict):
    """A balance in the copy. null: there is no such account then, or nobody tells its balance."""

    login: str
    before: float | None
    after: float | None


class RehearsedCreditsDocument(TypedDict):
    """The balances that moved in the copy, and by how much all of them together are lower."""

    used: float | None
    master_before: float | None
    master_after: float | None
    planned_master_after: float | None
    balances: list[RehearsedBalanceDocument]


class NextPlanDocument(TypedDict):
    """The plan behind the rehearsal: with what remains, where it is not empty."""

    made: bool
    empty: bool
    resource_changes: list[ResourceChangeDocument]


class RehearsalDocument(TypedDict):
    """What applying a plan to a copy of the account came to. null: no plan could be made."""

    format_version: str
    stack: str | None
    account: str | None
    exit_code: int
    summary: SummaryDocument | None
    operations: list[RehearsedOperationDocument]
    calls: CallsDocument
    seconds: RehearsedSecondsDocument
    credits: RehearsedCreditsDocument | None
    next_plan: NextPlanDocument
    diagnostics: list[DiagnosticDocument]


class EntryDocument(TypedDict):
    identity: str
    attributes: dict[str, Any]
    protect: bool
    depends_on: list[str]


class PriceDocument(TypedDict):
    """What an SMS to a country costs, and since when that is known."""

    credits: float
    since: str


class StateDocument(TypedDict):
    format_version: Literal[1]
    stack: str
    account: str | None
    lineage: str
    serial: int
    salt: str
    runs: int
    resources: dict[str, EntryDocument]
    intents: list[IntentDocument]
    prices: NotRequired[dict[str, PriceDocument]]


class RunOperationDocument(TypedDict):
    address: str
    actions: list[str]
    status: str
    calls: int


class SettledDocument(TypedDict):
    """A call that was in doubt, and what became of it, by evidence or as a person said."""

    address: str
    method: NotRequired[str]
    since: NotRequired[str]
    happened: NotRequired[bool]
    campaign_id: NotRequired[str]
    evidence: NotRequired[str]


class RunDocument(TypedDict):
    """One run that changed the state. `operations` where it came to its end, else what is `recorded` of it."""

    lineage: str
    serial: int
    command: NotRequired[str]
    who: NotRequired[str]
    since: NotRequired[str]
    until: str
    ci_run: NotRequired[str]
    smsops_version: NotRequired[str]
    git: NotRequired[GitDocument | None]
    destroy: NotRequired[bool]
    targets: NotRequired[list[str]]
    adopt: NotRequired[bool]
    overrides: NotRequired[list[OverrideDocument]]
    settled: NotRequired[list[SettledDocument]]
    outcome: Literal["done", "incomplete", "in doubt", "interrupted", "died", "doubts settled by evidence"]
    exit_code: NotRequired[int]
    operations: NotRequired[list[RunOperationDocument]]
    recorded: NotRequired[list[str]]


class HistoryDocument(TypedDict):
    format_version: Literal["1.0"]
    runs: list[RunDocument]


class AppointmentDocument(TypedDict):
    """A message that goes out at a date. Counts are null where nobody has counted."""

    address: str
    account: str | None
    date: str
    status: Literal["planned", "rescheduled", "scheduled", "refused", "sent"]
    recipients: int | None
    messages: int | None
    credits: float | None
    sender: str
    message: str
    cancellable_until: str | None


class CalendarDocument(TypedDict):
    format_version: Literal["1.0"]
    stack: str
    timezone: str
    campaigns: list[AppointmentDocument]


class PreviewDocument(TypedDict):
    """How the messages of one resource look on phones."""

    address: str
    account: str | None
    date: str
    schedule: str
    recipients: int
    message: MessageDocument | None


class PreviewsDocument(TypedDict):
    format_version: Literal["1.0"]
    stack: str
    timezone: str
    previews: list[PreviewDocument]


class StandingPartDocument(TypedDict):
    """A part under a campaign id of its own; null where it is not known, or nobody was left to send to.

    Nobody knows what e-mails cost: their credits are null.
    """

    campaign_id: str | None
    recipients: int
    credits: float | None
    status: str


class StandingDocument(TypedDict):
    address: str
    account: str | None
    date: str
    state: Literal["scheduled", "partly scheduled", "sent", "partly sent", "nothing scheduled", "gone", "in doubt"]
    recipients: int
    credits: float | None
    sender: str
    message: str
    cancellable_until: str | None
    parts: list[StandingPartDocument]


class StatusDocument(TypedDict):
    format_version: Literal["1.0"]
    stack: str
    timezone: str
    campaigns: list[StandingDocument]


class StatusCountDocument(TypedDict):
    """Recipients by the code of their latest delivery report (manual, appendix 6)."""

    code: str
    meaning: str
    recipients: int


class WithinDocument(TypedDict):
    """Recipients who were delivered to within so many hours of the date, and not within fewer of those listed."""

    hours: int
    recipients: int


class BlacklistNumberDocument(TypedDict):
    """`since` in the account's zone; null where no date can be read."""

    phone: str
    comment: str
    since: str | None


class AccountBlacklistDocument(TypedDict):
    """The blacklist of one account, by its key; null is the master."""

    account: str | None
    login: str
    numbers: list[BlacklistNumberDocument]


class BlacklistDocument(TypedDict):
    format_version: str
    stack: str
    accounts: list[AccountBlacklistDocument]


class BlacklistedDocument(TypedDict):
    """A number that was asked for, and the account whose blacklist it is on; null is the master."""

    phone: str
    account: str | None


class ListBlacklistedDocument(TypedDict):
    account: str | None
    name: str
    contacts: int
    blacklisted: int


class BlacklistCheckDocument(TypedDict):
    """`checked` counts the numbers, or the contacts of all `lists`."""

    format_version: str
    checked: int
    found: list[BlacklistedDocument]
    lists: list[ListBlacklistedDocument]


class ReportDocument(TypedDict):
    """What became of a campaign, its parts added up."""

    format_version: Literal["1.0"]
    stack: str
    address: str
    account: str | None
    date: str
    recipients: int
    credits: float | None
    delivered: int
    unreported: int
    by_status: list[StatusCountDocument]
    delivered_within: list[WithinDocument]
    replies: int
    stops: int
    reports_by_webhook: int
    replies_by_webhook: int
    cost_per_delivered: float | None


class ReplyDocument(TypedDict):
    """What one recipient wrote back; `date` in the account's zone, null where none can be read."""

    format_version: Literal["1.0"]
    address: str
    date: str | None
    phone: str
    text: str
