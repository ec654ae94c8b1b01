"""Limits that a team sets on its own plans: the `policy` section, and what may break them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from smsops.model.block import AfterValidator, BeforeValidator, Block, Field, WithJsonSchema, keys_of
from smsops.model.blocks import NonBlank
from smsops.model.expression import Expression
from smsops.model.settings import Duration

Count = Annotated[int, Field(ge=0)]


def _read_window(value: Any) -> Any:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)", str(value))
    if match is None or f"{match[1]}:{match[2]}" >= f"{match[3]}:{match[4]}":
        raise PydanticCustomError("window", "Write two times of one day such as 08:00-20:00")
    return (f"{match[1]}:{match[2]}", f"{match[3]}:{match[4]}")


Window = Annotated[
    tuple[str, str],
    BeforeValidator(_read_window),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d\s*-\s*\d\d:\d\d$", "examples": ["08:00-20:00"]}),
]


class KindLimit(Block):
    """A limit on one kind of resource: a number, a share, or both."""

    count: Count | None = Field(None, description="At most so many.")
    percent: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None, description="At most this share of what is there."
    )
    min_size: Count = Field(10, description="percent counts only where at least so many are there.")

    def check(self) -> None:
        if self.count is None and self.percent is None:
            raise PydanticCustomError("limit", "Say count, percent or both")


def _short_form(value: Any) -> Any:
    """`5` is `{count: 5}`."""
    return {"count": value} if isinstance(value, str) else value


_KindLimitField = Annotated[KindLimit, BeforeValidator(_short_form, json_schema_input_type=KindLimit | int)]


class Limit(KindLimit):
    """A limit on resources of all kinds together, and on single kinds."""

    kinds: dict[str, _KindLimitField] = Field(
        default_factory=dict, description="Limits on one kind each. Of contacts it is people that are counted."
    )

    def check(self) -> None:
        if not self.kinds:
            super().check()


LimitField = Annotated[Limit | None, BeforeValidator(_short_form, json_schema_input_type=Limit | int | None)]


def _not_built_in(name: str) -> str:
    if name in BUILT_IN:
        raise PydanticCustomError("rule", "{name} is a policy that smsops has; choose another name", {"name": name})
    return name


class Rule(Block):
    """A policy of one's own: a plan of which `deny` is true is refused."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"), AfterValidator(_not_built_in)] = Field(
        description="By which errors and overrides name it."
    )
    deny: Expression = Field(description="A CEL expression over `plan`, the plan document, and `now`.")
    message: NonBlank | None = Field(None, description="What to say to whom it refuses.")
    level: Literal["error", "warning"] = Field("error", description="warning: it only says so.")


def _read_date(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise PydanticCustomError("date", "Write a date such as 2026-12-31") from None


class Allow(Block):
    """Lets breaches of a policy through until a day."""

    policy: NonBlank = Field(description="The name of the policy, or a glob.")
    address: NonBlank | None = Field(None, description="Only for what this names: an address, or a glob.")
    until: Annotated[
        Any,
        BeforeValidator(_read_date),
        WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-31"]}),
    ] = Field(description="The last day on which it holds, in settings.timezone.")
    reason: NonBlank = Field(description="Why; it is kept in the history.")


class Policy(Block):
    """What breaks one of these is refused; the error names the policy."""

    max_credits_per_apply: Count | None = Field(None, description="Credits moved and spent by one apply.")
    max_credits_per_campaign: Count | None = Field(None, description="Credits that one campaign may cost.")
    max_recipients: Count | None = Field(None, description="People that one apply may text.")
    max_deletes: LimitField = Field(None, description="What one apply may delete or replace.")
    max_updates: LimitField = Field(None, description="What one apply may change.")
    min_lead_time: Duration | None = Field(
        None, description="A scheduled campaign closer to its date than this is not changed any more."
    )
    require_stop: bool = Field(False, description="Marketing messages must end with the STOP mention.")
    send_window: Window | None = Field(
        None, description="Marketing goes out only between these times, in settings.timezone."
    )
    rule_packs: list[NonBlank] = Field(
        default_factory=list,
        description="Rule packs that are asked before the usual ones: names such as fr-af2m-2026, paths of your own.",
    )
    forbidden_words: list[NonBlank] = Field(
        default_factory=list, description="Words that no message may hold, whatever their case and accents."
    )
    require_approval_over: Count | None = Field(
        None, description="Somebody has to approve a plan that moves and spends more credits than this."
    )
    rules: list[Rule] = Field(default_factory=list, description="Policies of one's own.")
    allow: list[Allow] = Field(default_factory=list, description="What lets breaches of policies through.")

    def check(self) -> None:
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise PydanticCustomError("rule", "Two rules are called {name}", {"name": name})

    def limits(self) -> Iterator[tuple[str, Limit]]:
        """Those of its policies that are limits by kind, by their names."""
        for name in ("max_deletes", "max_updates"):
            if (limit := getattr(self, name)) is not None:
                yield name, limit

    @property
    def names(self) -> frozenset[str]:
        """The names by which its policies can be overridden, whether they are set or not."""
        return BUILT_IN.union(rule.name for rule in self.rules)


BUILT_IN = frozenset(keys_of(Policy)).difference(("rule_packs", "rules", "allow")) | {"max_credits"}
"""The policies that need no rule. `max_credits` is a campaign's own."""
