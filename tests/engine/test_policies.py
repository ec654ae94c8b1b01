"""Policies: what each refuses at its edge, what lets a breach through, and what is kept of that."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.schemas import SCHEMAS
from tests.engine.world import messages
from tests.harness import START, Stack
from tests.kinds.contract import (
    LATER,
    assert_discreet,
    codes,
    contacts_of,
    inline,
    mutating,
    people,
    person,
    phone,
    scheduled,
)

REASON = ("--reason", "agreed with Anna")
PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def lists(*names: str, **blocks: Any) -> dict[str, Any]:
    return {"lists": {**{name: {} for name in names}, **blocks}}


def several(number: int) -> list[str]:
    return [f"l{position}" for position in range(number)]


def with_people(number: int, **fields: str) -> dict[str, Any]:
    """A list of so many contacts."""
    return {"fields": {"SHOP": {}}, "contacts": inline(*people(range(number), **fields))}


def campaigns(message: str = "Hello", *, to: int = 3, schedule: str = LATER, **more: Any) -> dict[str, Any]:
    """A list of contacts, and a campaign to them."""
    block = {"message": message, "schedule": schedule, "audience": {"lists": ["vip"]}, **more}
    return {"lists": {"vip": with_people(to)}, "campaigns": {"hello": block}}


def refused(stack: Stack, *options: str, code: int = 4) -> Any:
    """The plan document of what plan and apply refuse; nothing is done, and all say the same."""
    planned = stack.run("plan", "--format", "json", *options)
    assert planned.exit_code == code, (planned.stdout, planned.stderr)
    jsonschema.validate(planned.document, SCHEMAS["plan"]())
    stack.calls()
    applied = stack.run("apply", "--auto-approve", *options)
    assert applied.exit_code == 4, (applied.stdout, applied.stderr)
    assert "Apply refused: nothing was done." in applied.stderr
    assert mutating(stack.calls()) == []
    assert "BLOCKED" in stack.run("plan", *options).stdout
    return planned.document


def broken(document: Any) -> list[tuple[str, str | None]]:
    """Policy and address of what a plan refuses."""
    return [
        (item["policy"], item["address"])
        for item in document["diagnostics"]
        if item["policy"] and item["severity"] == "error"
    ]


def let_through(document: Any) -> list[dict[str, Any]]:
    """The diagnostics of a plan or a summary that are overridden."""
    return [item for item in document["diagnostics"] if item["overridden"]]


def overridden(document: Any) -> dict[str, list[str]]:
    """The overrides of a plan by where they come from, with the policies that they let through."""
    return {override["by"]: override["let_through"] for override in document["overrides"]}


def kept(stack: Stack) -> list[dict[str, Any]]:
    """The overrides of the last run in the history."""
    result = stack.run("history", "--format", "json")
    jsonschema.validate(result.document, SCHEMAS["history"]())
    found: list[dict[str, Any]] = result.document["runs"][0]["overrides"]
    return found


def applied(stack: Stack, sections: dict[str, Any]) -> None:
    stack.write(sections)
    stack.apply()
    stack.calls()


class TestDeletesAndUpdates:
    @pytest.mark.parametrize("written", [2, {"count": 2}, {"kinds": {"list": 2}}, {"kinds": {"list": {"count": 2}}}])
    def test_a_number(self, stack: Stack, written: Any) -> None:
        """As many deletes as max_deletes says pass, and one more is refused."""
        policy = {"max_deletes": written}
        applied(stack, {**lists(*several(5)), "policy": policy})
        stack.write({**lists(*several(2)), "policy": policy})
        assert broken(refused(stack)) == [("max_deletes", None)]
        stack.write({**lists(*several(3)), "policy": policy})
        stack.apply()

    @pytest.mark.parametrize("written", [{"percent": 20}, {"kinds": {"list": {"percent": 20}}}])
    def test_a_share(self, stack: Stack, written: Any) -> None:
        """percent is of what the stack owns; exactly so much passes, and where there is less than min_size all does."""
        policy = {"max_deletes": written}
        applied(stack, {**lists(*several(10)), "policy": policy})
        stack.write({**lists(*several(7)), "policy": policy})
        assert broken(refused(stack)) == [("max_deletes", None)]
        stack.write({**lists(*several(8)), "policy": policy})
        stack.apply()
        stack.write({**lists(), "policy": policy})  # 8 are less than 10
        stack.apply()

    def test_another_kind(self, stack: Stack) -> None:
        """A limit on one kind lets others go."""
        policy = {"max_deletes": {"kinds": {"sub_account": 0}}}
        applied(stack, {**lists(*several(5)), "sub_accounts": {"paris": person()}, "policy": policy})
        stack.write({"sub_accounts": {"paris": person()}, "policy": policy})
        stack.apply()
        stack.write({"policy": policy})
        assert broken(refused(stack)) == [("max_deletes", None)]

    def test_what_is_made_anew(self, stack: Stack) -> None:
        """A list that is replaced, or adopted and made anew, counts as deleted."""
        applied(stack, lists("a"))
        changed = {"lists": {"a": {"locked": True}}, "policy": {"max_deletes": 0}}
        stack.write(changed)
        assert broken(refused(stack)) == [("max_deletes", None)]
        stack.run("state", "rm", "list.a")
        assert broken(refused(stack, "--adopt")) == [("max_deletes", None)]

    def test_destroy(self, stack: Stack) -> None:
        """destroy is held to the same limits, and takes the same override."""
        applied(stack, {**lists(*several(5)), "policy": {"max_deletes": 4}})
        assert stack.run("destroy", "--auto-approve").exit_code == 4
        assert stack.run("destroy", "--auto-approve", "--override", "max_deletes", *REASON).exit_code == 0
        assert stack.state["resources"] == {}
        assert [override["let_through"] for override in kept(stack)] == [["max_deletes"]]

    def test_updates(self, stack: Stack) -> None:
        """max_updates counts resources that change; what is created or deleted is none."""
        shops = {f"s{number}": person(company=f"S{number}", city="Paris") for number in range(3)}
        applied(stack, {"sub_accounts": shops, "policy": {"max_updates": 0}})
        moved = {key: {**block, "city": "Lyon"} for key, block in shops.items()}
        stack.write({"sub_accounts": moved, "policy": {"max_updates": 2}})
        assert broken(refused(stack)) == [("max_updates", None)]
        stack.write({"sub_accounts": moved, "policy": {"max_updates": {"kinds": {"sub_account": 3}}}})
        stack.apply()

    def test_an_unknown_kind(self, stack: Stack) -> None:
        """A limit on a kind that there is not is an error with its place and a suggestion."""
        stack.write("policy:\n  max_deletes:\n    kinds:\n      lists: 3\n")
        result = stack.run("validate")
        assert result.exit_code == 1
        assert "smsops.yaml:6:7: error SMS112" in result.stderr
        assert 'Did you mean "list"?' in result.stderr

    @pytest.mark.parametrize("written", [{}, {"min_size": 3}, "some", {"percent": 101}, {"kinds": {"list": {}}}])
    def test_no_limit(self, stack: Stack, written: Any) -> None:
        """A limit that limits nothing, or that is none, is an error."""
        stack.write({"policy": {"max_deletes": written}})
        assert stack.run("validate").exit_code == 1


class TestPeople:
    @settings(max_examples=25)
    @given(st.data())
    def test_the_share_of_a_list(self, data: st.DataObject) -> None:
        """A list of min_size or more may lose as much of its contacts as percent says, and not one more."""
        size = data.draw(st.integers(1, 12))
        lost = data.draw(st.integers(0, size))
        limit = {"percent": data.draw(st.integers(0, 100)), "min_size": data.draw(st.integers(0, 12))}
        with TemporaryDirectory() as directory:
            stack = Stack(Path(directory) / "stack")
            applied(stack, {"lists": {"vip": with_people(size), "large": with_people(50)}})
            sections = {"lists": {"vip": with_people(size - lost), "large": with_people(50)}}
            stack.write({**sections, "policy": {"max_deletes": {"kinds": {"contacts": limit}}}})
            too_many = size >= limit["min_size"] and lost * 100 > limit["percent"] * size
            assert stack.run("plan").exit_code == (4 if too_many else 0)
            assert stack.run("apply", "--auto-approve").exit_code == (4 if too_many else 0)
            assert len(contacts_of(stack, "vip")) == (size if too_many else size - lost)
            stack.close()

    def test_the_number_of_people(self, stack: Stack) -> None:
        """count is of all lists together: how many people are removed, and how many are changed."""
        applied(stack, {"lists": {"a": with_people(5), "b": with_people(5)}})
        fewer = {"lists": {"a": with_people(3), "b": with_people(4, SHOP="Lyon")}}
        for name, most in (("max_deletes", 3), ("max_updates", 4)):
            stack.write({**fewer, "policy": {name: {"kinds": {"contacts": most - 1}}}})
            assert broken(refused(stack)) == [(name, None)]
            stack.write({**fewer, "policy": {name: {"kinds": {"contacts": most}}}})
            assert stack.run("plan").exit_code == 0

    def test_a_list_that_goes(self, stack: Stack) -> None:
        """The contacts of a list that is deleted are lost too."""
        applied(stack, {"lists": {"vip": with_people(20)}})
        stack.write({"policy": {"max_deletes": {"kinds": {"contacts": {"percent": 90}}}}})
        document = refused(stack)
        assert broken(document) == [("max_deletes", "contacts.vip")]
        (change,) = [item for item in document["resource_changes"] if item["type"] == "contacts"]
        assert change["contacts"] == {"add": 0, "change": 0, "remove": 20}

    def test_it_is_not_people_in_total(self, stack: Stack) -> None:
        """Without kinds, the contacts of one list are one resource, as in the summary of the plan."""
        applied(stack, {"lists": {"vip": with_people(20)}})
        stack.write({"lists": {"vip": with_people(1)}, "policy": {"max_deletes": 0, "max_updates": 1}})
        stack.apply()


class TestCampaigns:
    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("gratuit", "C'est GRATUIT !"),
            ("GRÂTUIT", "gratuit"),
            ("ete", "Soldes d'été"),
            ("carte bancaire", "votre Carte  Bancaire"),
            ("100%", "remise de 100%."),
            ("gratuit", "gratuit{SHOP}"),
        ],
    )
    def test_a_forbidden_word(self, stack: Stack, word: str, message: str) -> None:
        """A forbidden word is found whatever its case, accents and blanks, in transactional messages too."""
        policy = {"forbidden_words": ["never said", word]}
        for nature in ("marketing", "transactional"):
            stack.write({**campaigns(message, nature=nature), "policy": policy})
            assert broken(refused(stack)) == [("forbidden_words", "campaign.hello")]

    @pytest.mark.parametrize("message", ["gratuitement", "la gratuité", "agratuit", "Hello {GRATUIT}", "gra{SHOP}tuit"])
    def test_a_part_of_a_word(self, stack: Stack, message: str) -> None:
        """Only whole words are forbidden, and names of fields are none."""
        sections = campaigns(message)
        sections["lists"]["vip"]["fields"] |= {"GRATUIT": {}}
        stack.write({**sections, "policy": {"forbidden_words": ["gratuit"]}})
        assert stack.run("plan").exit_code == 0

    def test_the_lead_time(self, stack: Stack) -> None:
        """What min_lead_time refuses is shown, and where it is overridden it is done: changed, or cancelled."""
        policy = {"min_lead_time": "2h"}
        applied(stack, {**campaigns(), "policy": policy})
        stack.clock = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
        for sections in (campaigns("Good morning"), {"lists": {"vip": with_people(3)}}):
            stack.write({**sections, "policy": policy})
            document = refused(stack)
            assert broken(document) == [("min_lead_time", "campaign.hello")]
            assert [change["address"] for change in document["resource_changes"]] == ["campaign.hello"]
            stack.apply("--override", "min_lead_time", *REASON)
        assert scheduled(stack) == []
        assert stack.changes() == {}

    @pytest.mark.parametrize(
        ("name", "block", "policy"),
        [
            ("require_stop", {}, {"require_stop": True}),
            ("send_window", {}, {"send_window": "10:01-12:00"}),
            ("max_credits", {"max_credits": 44}, {}),
            ("max_credits_per_campaign", {}, {"max_credits_per_campaign": 44}),
            ("max_credits_per_apply", {}, {"max_credits_per_apply": 44}),
            ("max_recipients", {}, {"max_recipients": 2}),
        ],
    )
    def test_each_has_a_name(self, stack: Stack, name: str, block: Any, policy: Any) -> None:
        """Whatever refuses a campaign says by which name it can be overridden, and then it is sent."""
        stack.write({**campaigns(**block), "policy": policy})
        assert [policy for policy, _ in broken(refused(stack))] == [name]
        stack.apply("--override", name, *REASON)
        assert set(messages(stack).values()) == {1}
        assert [override["let_through"] for override in kept(stack)] == [[name]]

    @pytest.mark.parametrize(
        ("block", "policy"),
        [
            ({"max_credits": 45}, {}),
            ({}, {"max_credits_per_campaign": 45, "max_credits_per_apply": 45, "max_recipients": 3}),
            ({"nature": "transactional"}, {"require_stop": True, "send_window": "10:01-12:00"}),
            ({"message": "Hello STOP au 36180"}, {"require_stop": True, "send_window": "10:00-12:00"}),
        ],
    )
    def test_up_to_the_limit(self, stack: Stack, block: Any, policy: Any) -> None:
        """What is just within a limit passes."""
        stack.write({**campaigns(**block), "policy": policy})
        stack.apply()


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


class TestApproval:
    @pytest.fixture
    def costly(self, stack: Stack) -> Stack:
        """A stack that costs 45 credits where 44 need no approval."""
        stack.write({**campaigns(), "policy": {"require_approval_over": 44}})
        return stack

    def test_nobody_has_approved(self, costly: Stack) -> None:
        """A plan that costs more is shown, and --auto-approve is nobody's approval."""
        assert broken(refused(costly, code=0)) == [("require_approval_over", None)]

    def test_a_saved_plan(self, costly: Stack) -> None:
        """A saved plan that is applied is approved."""
        path = str(costly.root / "saved.plan")
        assert costly.run("plan", "-o", path).exit_code == 0
        assert costly.run("apply", path).exit_code == 0
        assert len(scheduled(costly)) == 1

    @pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 1)])
    def test_an_answer(self, costly: Stack, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
        """Whoever answers yes on a terminal has approved it."""
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        result = costly.run("apply")
        assert result.exit_code == code
        assert "Your answer approves it." in result.stderr
        assert len(scheduled(costly)) == (1 if answer == "yes" else 0)

    def test_an_override(self, costly: Stack) -> None:
        """An override is an approval that is kept in the history."""
        costly.apply("--override", "require_approval_over", *REASON)
        assert [override["reason"] for override in kept(costly)] == [REASON[1]]

    def test_just_below(self, stack: Stack) -> None:
        """A plan that costs no more than the limit needs no approval: credits moved and spent count together."""
        sections = {**campaigns(), "sub_accounts": {"paris": person(credits={"grants": {"one": 100}})}}
        stack.write({**sections, "policy": {"require_approval_over": 144}})
        assert broken(refused(stack, code=0)) == [("require_approval_over", None)]
        stack.write({**sections, "policy": {"require_approval_over": 145}})
        stack.apply()


def with_rule(deny: str, **more: Any) -> dict[str, Any]:
    return {**lists("a"), "policy": {"rules": [{"name": "ours", "deny": deny, **more}]}}


class TestRules:
    @pytest.mark.parametrize(
        "deny",
        [
            "plan.resource_changes.exists(c, c.type == 'list' && 'create' in c.change.actions)",
            "plan.summary.add > 0",
            "now == timestamp('2026-11-22T09:00:00Z')",
            "now.getDayOfWeek() == 0 && now.getHours() == 10",  # a Sunday, 10 o'clock in Paris
        ],
    )
    def test_a_rule_that_denies(self, stack: Stack, deny: str) -> None:
        """A plan of which `deny` is true is refused with the rule's name, place and message; `now` is the stack's time."""
        stack.write(with_rule(deny, message="Ask Anna."))
        document = refused(stack)
        (item,) = document["diagnostics"]
        assert (item["code"], item["policy"], item["line"]) == ("SMS256", "ours", 4)
        assert "Ask Anna." in item["summary"]
        assert "Ask Anna." in stack.run("plan").stdout
        stack.apply("--override", "ours", *REASON)

    def test_a_rule_that_warns(self, stack: Stack) -> None:
        """A rule of the level warning says so and lets the plan pass."""
        stack.write(with_rule("true", level="warning"))
        assert codes(stack.plan()) == {"SMS256"}
        stack.apply()

    def test_a_rule_that_is_content(self, stack: Stack) -> None:
        """A rule that is false of a plan says nothing."""
        stack.write(with_rule("plan.resource_changes.exists(c, has(c.send))"))
        assert codes(stack.plan()) == set()

    @pytest.mark.parametrize("deny", ["plan.nope > 1", "nope", "1 / 0 == 1", "'a'.matches('(')", "'yes'", "null", "1"])
    def test_a_rule_without_an_answer(self, stack: Stack, deny: str) -> None:
        """A rule that cannot be evaluated, or is no condition, refuses the plan."""
        stack.write(with_rule(deny))
        document = refused(stack)
        assert [(item["code"], item["policy"]) for item in document["diagnostics"]] == [("SMS257", "ours")]

    def test_what_the_rules_see(self, stack: Stack) -> None:
        """Rules see what else is refused, and the overrides: so a team can forbid some of these."""
        policy = {
            "max_recipients": 2,
            "rules": [{"name": "no-overrides", "deny": "plan.overrides.exists(o, 'max_recipients' in o.let_through)"}],
        }
        stack.write({**campaigns(), "policy": policy})
        assert broken(refused(stack)) == [("max_recipients", None)]
        assert broken(refused(stack, "--override", "max_recipients", *REASON)) == [("no-overrides", None)]

    def test_one_that_does_not_compile(self, stack: Stack) -> None:
        """An expression that is none is an error of the configuration, at its place."""
        stack.write("policy:\n  rules:\n    - name: ours\n      deny: plan.summary.add >\n")
        result = stack.run("validate")
        assert result.exit_code == 1
        assert "smsops.yaml:6:13: error SMS112: policy.rules.0.deny: This is no CEL expression" in result.stderr

    @pytest.mark.parametrize("names", [("max_deletes",), ("max_credits",), ("a", "a"), ("fr-strict/hours",), ("*",)])
    def test_names(self, stack: Stack, names: tuple[str, ...]) -> None:
        """A rule has a name of its own, which is no other policy's."""
        stack.write({"policy": {"rules": [{"name": name, "deny": "false"} for name in names]}})
        assert stack.run("validate").exit_code == 1

    @settings(max_examples=200)
    @given(st.text(st.sampled_from("plan.now()[]{}'\"1 +<>=!&|?:,\\ex"), max_size=20) | st.text(max_size=20))
    def test_nonsense(self, text: str) -> None:
        """Whatever is written as an expression is a mistake with a place, or a rule: never a traceback."""
        with TemporaryDirectory() as directory:
            stack = Stack(Path(directory) / "stack")
            stack.write({"policy": {"rules": [{"name": "ours", "deny": text}]}})
            assert stack.run("plan").exit_code in (0, 1, 4)
            stack.close()


TOO_MANY: dict[str, Any] = {**campaigns(), "policy": {"max_recipients": 2}}


class TestFlags:
    def test_it_lets_through(self, stack: Stack) -> None:
        """What is overridden is a warning that says by whom and why, in text, JSON and history."""
        stack.write(TOO_MANY)
        options = ("--override", "max_rec*", *REASON)
        document = stack.plan(*options)
        jsonschema.validate(document, SCHEMAS["plan"]())
        (item,) = let_through(document)
        assert (item["severity"], item["policy"], item["overridden"]) == ("warning", "max_recipients", True)
        assert item["detail"] == "Let through by --override: agreed with Anna"
        assert document["overrides"] == [
            {
                "policy": "max_rec*",
                "address": None,
                "until": None,
                "by": "--override",
                "reason": "agreed with Anna",
                "let_through": ["max_recipients"],
            }
        ]
        text = stack.run("plan", *options)
        assert re.search(r"OVERRIDDEN: The plan has 3 recipients; .*\n.*by --override: agreed with Anna", text.stdout)
        assert "BLOCKED" not in text.stdout
        stack.apply(*options)
        assert kept(stack) == document["overrides"]
        assert "overridden: max_recipients (agreed with Anna)" in stack.run("history").stdout

    @pytest.mark.parametrize("name", ["fr-strict/sunday", "fr-strict/*"])
    def test_the_law(self, stack: Stack, name: str) -> None:
        """A rule of a pack is overridden by its name, or with all of its pack by a glob."""
        stack.write(campaigns(schedule="2026-12-06 10:00"))
        assert broken(refused(stack)) == [("fr-strict/sunday", "campaign.hello")]
        assert broken(refused(stack, "--override", "fr-strict/hours", *REASON)) == [
            ("fr-strict/sunday", "campaign.hello")
        ]
        stack.apply("--override", name, *REASON)
        assert [override["let_through"] for override in kept(stack)] == [["fr-strict/sunday"]]

    def test_what_is_not_overridden(self, stack: Stack) -> None:
        """An override lets through what it names, and nothing else."""
        policy = {"max_recipients": 2, "max_credits_per_apply": 1, "forbidden_words": ["hello"]}
        stack.write({**campaigns(), "policy": policy})
        document = refused(stack, "--override", "max_recipients", "--override", "forbidden_words", *REASON)
        assert broken(document) == [("max_credits_per_apply", None)]
        assert "The message of campaign.hello says hello" in stack.run("plan", "--override", "f*", *REASON).stdout

    @pytest.mark.parametrize(
        "options",
        [
            ("--override", "max_recipients"),
            ("--override", "max_recipients", "--reason", " "),
            ("--reason", "why"),
        ],
    )
    def test_a_reason(self, stack: Stack, options: tuple[str, ...]) -> None:
        """An override needs a reason, and a reason an override."""
        stack.write(TOO_MANY)
        for command in ("plan", "apply", "destroy"):
            result = stack.run(command, *options)
            assert result.exit_code == 1
            assert "go together" in result.stderr

    def test_a_name_that_there_is_not(self, stack: Stack) -> None:
        """An override that names no policy is an error with a suggestion, and nothing is done."""
        stack.write(TOO_MANY)
        result = stack.run("apply", "--auto-approve", "--override", "max_recipient", *REASON)
        assert result.exit_code == 1
        assert "error SMS413" in result.stderr
        assert 'Did you mean "max_recipients"?' in result.stderr
        assert mutating(stack.calls()) == []

    def test_one_that_is_not_needed(self, stack: Stack) -> None:
        """The same command can be given again: an override that is no longer needed is said, and not kept."""
        stack.write(TOO_MANY)
        options = ("--override", "max_recipients", *REASON)
        stack.apply(*options)
        assert codes(stack.plan(*options)) == {"SMS259"}
        stack.write({**TOO_MANY, **campaigns(to=2)})
        stack.apply(*options)
        assert kept(stack) == []

    def test_what_cannot_be_overridden(self, stack: Stack) -> None:
        """Protections, credits that do not suffice and mistakes stay what they are, whatever is overridden."""
        everything = ("--override", "*", *REASON)
        stack.write({"sub_accounts": {"paris": person(lifecycle={"protect": True})}})
        stack.apply()
        stack.write({})
        assert codes(refused(stack, *everything, code=0)) >= {"SMS263"}
        stack.write({"sub_accounts": {"paris": person(credits={"grants": {"one": 2_000_000}})}})
        assert codes(refused(stack, *everything)) >= {"SMS253"}
        stack.write({"lists": {"vip": {"nam": "x"}}})
        assert stack.run("plan", *everything).exit_code == 1

    def test_it_tells_nothing(self, stack: Stack) -> None:
        """A phone number in a reason is printed, saved and kept masked."""
        stack.write(TOO_MANY)
        path = stack.root / "saved.plan"
        options = ("--override", "max_recipients", "--reason", f"call +{phone(77)}")
        result = stack.run("plan", "-o", str(path), *options)
        stack.apply(*options)
        history = (stack.root / ".smsops" / "state.json.history").read_text("utf-8")
        for text in (result.stdout, result.stderr, path.read_text("utf-8"), history):
            assert "call" in text
            assert_discreet(text, phones=[phone(77)])


def allowing(*entries: dict[str, Any], **policy: Any) -> dict[str, Any]:
    written = [{"until": "2026-12-31", "reason": "the move", **entry} for entry in entries]
    return {"policy": {**policy, "allow": written}}


class TestAllow:
    def test_it_lets_through(self, stack: Stack) -> None:
        """An entry of policy.allow lets breaches through, and says where it stands and until when."""
        stack.write({**campaigns(), **allowing({"policy": "max_*"}, max_recipients=2)})
        document = stack.plan()
        (item,) = let_through(document)
        assert re.fullmatch(r"Let through by smsops\.yaml:5:\d+, until 2026-12-31: the move", item["detail"])
        stack.apply()
        (override,) = kept(stack)
        assert override == document["overrides"][0]
        assert (override["until"], override["let_through"]) == ("2026-12-31", ["max_recipients"])

    @pytest.mark.parametrize(
        ("moment", "code"), [("2026-12-31T22:59:59", 0), ("2026-12-31T23:00:00", 4), ("2027-01-05T00:00:00", 4)]
    )
    def test_until(self, stack: Stack, moment: str, code: int) -> None:
        """It holds to the end of its last day in the stack's zone; then it does nothing, and is said to."""
        stack.clock = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        stack.write(
            {**campaigns(schedule="2027-02-01 10:00"), **allowing({"policy": "max_recipients"}, max_recipients=2)}
        )
        result = stack.run("plan", "--format", "json")
        assert result.exit_code == code
        assert ("SMS258" in codes(result.document)) == (code == 4)

    def test_a_part_of_the_stack(self, stack: Stack) -> None:
        """With an address it exempts what that names: the limit holds for the rest."""
        shops = {"paris": person(lists={name: {} for name in several(4)})}
        applied(stack, {**lists(*several(4)), "sub_accounts": shops})
        allow = allowing({"policy": "max_deletes", "address": "paris/*"}, max_deletes=2)
        shops = {"paris": person()}
        stack.write({**lists("l0"), "sub_accounts": shops, **allow})
        assert broken(refused(stack)) == [("max_deletes", None)]
        stack.write({**lists("l0", "l1"), "sub_accounts": shops, **allow})
        assert list(overridden(stack.plan()).values()) == [["max_deletes"]]
        stack.apply()
        (override,) = kept(stack)
        assert override["address"] == "paris/*"
        assert "overridden: max_deletes at paris/* (the move, smsops.yaml:" in stack.run("history").stdout

    def test_one_resource(self, stack: Stack) -> None:
        """What is refused at an address is let through at that address only."""
        allow = allowing({"policy": "forbidden_words", "address": "campaign.hello"}, forbidden_words=["hello"])
        sections = campaigns()
        sections["campaigns"]["other"] = sections["campaigns"]["hello"]
        stack.write({**sections, **allow})
        assert broken(refused(stack)) == [("forbidden_words", "campaign.other")]

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ({"policy": "max_recipient"}, 'Did you mean "max_recipients"?'),
            ({"policy": "max_recipients", "address": "list.nope"}, "list.nope names no resource"),
        ],
    )
    def test_one_that_matches_nothing(self, stack: Stack, entry: dict[str, Any], said: str) -> None:
        """An entry that names no policy, or no resource, is a warning at its place."""
        stack.write({**lists("a"), **allowing(entry)})
        result = stack.run("plan")
        assert result.exit_code == 0
        assert re.search(r"smsops\.yaml:4:\d+: warning SMS259", result.stderr)
        assert said in result.stderr

    def test_one_that_waits(self, stack: Stack) -> None:
        """An entry for a policy that nothing breaks is no news."""
        stack.write({**lists("a"), **allowing({"policy": "max_recipients"}, max_recipients=2)})
        assert codes(stack.plan()) == set()
        assert stack.plan()["overrides"] == []

    @pytest.mark.parametrize("missing", ["policy", "until", "reason"])
    def test_what_an_entry_says(self, stack: Stack, missing: str) -> None:
        """An entry names its policy, its last day and its reason."""
        entry = {"policy": "max_recipients", "until": "2026-12-31", "reason": "the move"}
        for wrong in ({**entry, missing: ""}, {key: value for key, value in entry.items() if key != missing}):
            stack.write({"policy": {"allow": [wrong]}})
            assert stack.run("validate").exit_code == 1


class TestSavedPlans:
    def save(self, stack: Stack, *options: str) -> Path:
        path = stack.root / "saved.plan"
        assert stack.run("plan", "-o", str(path), *options).exit_code in (0, 4)
        return path

    def test_it_keeps_its_override(self, stack: Stack) -> None:
        """A plan that was saved with an override is applied without asking for it again, and the history has it."""
        stack.write(TOO_MANY)
        path = self.save(stack, "--override", "max_recipients", *REASON)
        result = stack.run("apply", str(path), "--format", "json")
        assert result.exit_code == 0
        assert [item["policy"] for item in let_through(result.events[-1])] == ["max_recipients"]
        assert [override["reason"] for override in kept(stack)] == [REASON[1]]

    def test_it_takes_no_other(self, stack: Stack) -> None:
        """A refused plan that was saved stays refused: the override belongs to the review."""
        stack.write(TOO_MANY)
        path = self.save(stack)
        assert stack.run("apply", str(path)).exit_code == 4
        assert stack.run("apply", str(path), "--override", "max_recipients", *REASON).exit_code == 1
        assert scheduled(stack) == []

    def test_what_was_allowed_stays_so(self, stack: Stack) -> None:
        """What was let through when a plan was reviewed stays so until the plan expires, beyond the entry's last day."""
        entry = {"policy": "max_recipients", "until": "2026-11-22", "reason": "the move"}
        stack.write({**campaigns(), **allowing(entry, max_recipients=2)})
        path = self.save(stack)
        stack.clock = START + timedelta(hours=20)
        assert stack.run("plan").exit_code == 4
        assert stack.run("apply", str(path)).exit_code == 0
        assert [override["until"] for override in kept(stack)] == ["2026-11-22"]

    def test_what_comes_up_later(self, stack: Stack) -> None:
        """A policy that is broken only when the plan is applied refuses it."""
        policy = {"min_lead_time": "2h"}
        soon: dict[str, Any] = {"schedule": "2026-11-22 12:30", "nature": "transactional"}
        applied(stack, {**campaigns(**soon), "policy": policy})
        stack.write({**campaigns("Good morning", **soon), "policy": policy})
        path = self.save(stack)
        stack.clock = START + timedelta(hours=1)
        assert stack.run("apply", str(path)).exit_code == 4

    @pytest.mark.parametrize(
        "value", [1, ["max_recipients"], [{}], [{"policy": 1, "reason": "", "by": "", "address": None, "until": None}]]
    )
    def test_damaged(self, stack: Stack, value: Any) -> None:
        """A plan whose overrides make no sense is an error."""
        stack.write(TOO_MANY)
        path = self.save(stack)
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "overrides": value}), "utf-8")
        result = stack.run("apply", str(path))
        assert result.exit_code == 1
        assert "SMS411" in result.stderr

    def test_one_from_before(self, stack: Stack) -> None:
        """A plan file that knows nothing of overrides is applied as ever."""
        stack.write(campaigns())
        path = self.save(stack)
        document = json.loads(path.read_text("utf-8"))
        del document["overrides"]
        path.write_text(json.dumps(document), "utf-8")
        assert stack.run("apply", str(path)).exit_code == 0


def examples() -> list[str]:
    """What the page about policies shows."""
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_page_about_policies(stack: Stack) -> None:
    """Every example in docs/policies.md is valid, for an editor too, and its rules have an answer for a plan with one of everything."""
    assert examples()
    for example in examples():
        policy = yaml.load(example, yaml.BaseLoader)["policy"]
        jsonschema.validate({"smsops": "1", "stack": "x", "policy": policy}, SCHEMAS["stack"]())
        stack.write({"policy": policy})
        result = stack.run("validate")
        assert result.exit_code == 0, result.stderr
        rules = policy.get("rules", [])
        applied(stack, {**campaigns(), "sub_accounts": {"paris": person(credits={"grants": {"one": 100}})}})
        stack.write({**campaigns("Good morning", to=2), **lists("new"), "policy": {"rules": rules}})
        assert "SMS257" not in codes(stack.run("plan", "--format", "json").document)
