"""Markdown for pull requests says what text and JSON say, formats nothing that it was told, and is never too long."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.rendered import Rendered
from tests.harness import LOGIN, Result, Stack
from tests.properties.stacks import inhabited, moderate, stacks

HOSTILE = (
    'a|b `c` <img src=x onerror=y> **d** [e](http://f.example) ![g](h) @octocat #12 $i$ \\| ~~j~~ <!-- "k" \u202e &lt;'
)


def markdown_of(result: Result) -> Rendered:
    assert len(result.stdout.encode("utf-16-le")) // 2 <= 65_000
    assert result.stdout.startswith("<!-- smsops: ")
    return Rendered(result.stdout)


@settings(moderate, max_examples=4)
@given(st.lists(stacks(), min_size=1, max_size=2))
def test_markdown_says_what_text_and_json_say(edits: list[dict[str, Any]]) -> None:
    """Every line of the text is in the comment, every change of the document is a row, and the numbers are the same."""
    with inhabited() as stack:
        for sections in edits:
            stack.write(sections)
            document = stack.plan()
            said = stack.run("plan", "--no-color")
            result = stack.run("plan", "--format", "markdown")
            shown = markdown_of(result)

            assert result.exit_code == said.exit_code
            lines = set(shown.text.splitlines())
            for line in said.stdout.splitlines():
                if re.match(r"      \S", line) or re.match(
                    "(Plan|Contacts|Sends|No changes|The master|The account)", line
                ):
                    assert line.strip() in lines
            resources = {row[1]: row for row in shown.rows if len(row) == 4 and row[1]}
            assert resources.keys() == {change["address"] for change in document["resource_changes"]}
            for change in document["resource_changes"]:
                assert f"# {change['address']} {resources[change['address']][2].splitlines()[0]}" in said.stdout
            sends = {row[0]: row[2:5] for row in shown.rows if len(row) == 6}
            told = [(one["address"], one["send"]) for one in document["resource_changes"] if one.get("send")]
            assert sends == {
                address: [f"{send[name]:,}" for name in ("recipients", "messages", "credits")]
                for address, send in told
                if send["recipients"]
            }
            stack.apply()


def test_what_was_told_formats_nothing(stack: Stack) -> None:
    """A name full of Markdown and HTML is shown letter by letter: no tag, no link, no mention comes of it."""
    name: dict[str, Any] = {"fields": {"CITY": {}}}
    stack.write({"lists": {"vip": {"name": "plain", **name}}})
    harmless = markdown_of(stack.run("plan", "--format", "markdown"))
    stack.write({"lists": {"vip": {"name": HOSTILE, **name}}})
    result = stack.run("plan", "--format", "markdown")
    shown = markdown_of(result)

    assert shown.tags == harmless.tags
    assert f'name: "{HOSTILE}"'.replace("\u202e", "\\u202e") in shown.text
    assert len(shown.rows) == len(harmless.rows)
    assert not re.search(r"@\w|#\d|://", result.stdout.replace("&#", ""))


def test_a_comment_is_cut_where_it_matters_least(stack: Stack) -> None:
    """Of a plan that is too long the blocked, what is destroyed and what is sent stay, and the rest is counted."""
    lists: dict[str, Any] = {f"old-{number}": {"fields": {"CITY": {}}} for number in range(3)}
    kept = {"fields": {"CITY": {}}, "lifecycle": {"protect": True}}
    stack.write({"lists": {**lists, "kept": kept}})
    stack.apply()
    campaign = {
        "message": "Hello STOP au 36180",
        "schedule": "2026-12-01 10:00",
        "audience": {"phones": ["0612345678"]},
    }
    many: dict[str, Any] = {f"new-{number:03}": {"fields": {"CITY": {}}} for number in range(700)}
    stack.write({"lists": many, "campaigns": {"hello": {**campaign, "sender": "ACME"}}})
    result = stack.run("plan", "--format", "markdown")
    shown = markdown_of(result)

    told = {row[1] for row in shown.rows if len(row) == 4 and row[1]}
    assert told >= {"list.kept", "campaign.hello", *(f"list.old-{number}" for number in range(3))}
    missing = re.search(r"([\d,]+) more are not shown \(([\d,]+) will be created\)", shown.text)
    assert missing
    assert len(told) + int(missing[1]) == 705
    assert missing[1] == missing[2]
    assert result.stdout == stack.run("plan", "--format", "markdown").stdout
    assert "BLOCKED" in shown.text
    assert shown.text.index("Master balance") < shown.text.index("list.kept")


def test_what_became_of_an_apply(stack: Stack) -> None:
    """The comment of an apply says what was done, what was not and why, and what kept it from beginning."""
    stack.write({"lists": {"vip": {"fields": {"CITY": {}}}, "gold": {"name": "Gold", "fields": {"CITY": {}}}}})
    done = markdown_of(stack.run("apply", "--auto-approve", "--format", "markdown"))
    assert "Apply complete! 2 added, 0 changed, 0 destroyed." in done.text
    assert "list.vip: Creation complete" in done.text
    again = markdown_of(stack.run("apply", "--auto-approve", "--format", "markdown"))
    assert "No changes. The account matches the configuration." in again.text

    stack.write({"lists": {"vip": {"fields": {"CITY": {}}, "lifecycle": {"protect": True}}}})
    stack.apply()
    stack.write({})
    refused = stack.run("apply", "--auto-approve", "--format", "markdown")
    assert refused.exit_code == 4
    assert {"Apply refused: nothing was done.", "Blocked"} <= set(markdown_of(refused).text.splitlines())

    stack.write("lists: {vip: 3}")
    wrong = stack.run("apply", "--auto-approve", "--format", "markdown")
    assert (wrong.exit_code, wrong.stdout.splitlines()[0]) == (1, "<!-- smsops: apply test -->")
    assert "smsops.yaml:3:14: error SMS112" in markdown_of(wrong).text
    assert stack.run("apply", "--format", "markdown").exit_code == 1  # nobody is asked

    send = {"message": "Hello", "schedule": "2026-12-01 10:00", "audience": {"phones": ["0612345678"]}}
    stack.write({"lists": {"vip": {"fields": {"CITY": {}}}}, "campaigns": {"hello": send}})
    stack.sandbox.fail("sendSms", "drop_after")
    doubtful = stack.run("apply", "--auto-approve", "--format", "markdown")
    assert doubtful.exit_code == 7
    told = markdown_of(doubtful).text.splitlines()
    assert any(line.startswith("Apply incomplete.") for line in told)
    assert any(line.startswith("campaign.hello: In doubt.") for line in told[told.index("Not done") :])
    stack.sandbox.use_credits(LOGIN, 7)  # so that the balance says nothing
    planned = markdown_of(stack.run("plan", "--format", "markdown")).text
    assert "campaign.hello is in doubt: sendSms of" in planned
    assert "Find out, then: smsops resolve campaign.hello --happened | --did-not-happen" in planned


def test_status_and_report(stack: Stack) -> None:
    """Campaigns and what became of one are tables with the numbers of the documents."""
    campaign = {"schedule": "2026-12-01 10:00", "audience": {"phones": ["0612345678", "0612345679"]}}
    stack.write({"campaigns": {"hello": {"message": "Hello | @all", **campaign}}})
    stack.apply()
    known = stack.run("status", "--format", "json").document["campaigns"][0]
    row = markdown_of(stack.run("status", "--format", "markdown")).rows[-1]
    report = markdown_of(stack.run("report", "campaign.hello", "--format", "markdown"))
    told = stack.run("report", "campaign.hello", "--format", "json").document

    assert row[0] == known["address"]
    assert row[4:7] == [f"{known['recipients']:,}", f"{known['credits']:,}", known["message"]]
    assert ["not reported yet", f"{told['unreported']:,}", "100.0%"] in report.rows


def test_what_an_email_costs_is_not_made_up(stack: Stack) -> None:
    """E-mails are not counted as SMS, and a cost that nobody knows is a question mark."""
    html = "<style>p {color: red}</style><p>Hi</p><a href='https://acme.example/out'>unsubscribe</a>"
    email = {"subject": "Hi", "from": "news@acme.example", "html": "mail.html", "schedule": "2026-12-01 10:00"}
    contacts = [{"inline": [{"phone": "0612345678", "EMAIL": "b@home.example"}]}]
    stack.write(html, "mail.html")
    stack.write(
        {
            "lists": {"vip": {"fields": {"EMAIL": {}}, "contacts": contacts}},
            "email_campaigns": {"hello": {**email, "audience": {"lists": ["vip"]}}},
        }
    )
    shown = markdown_of(stack.run("plan", "--format", "markdown"))
    assert [row[2:5] for row in shown.rows if len(row) == 6] == [["1", "1 e-mail", "?"]]
    stack.apply()
    assert markdown_of(stack.run("status", "--format", "markdown")).rows[-1][5] == "?"


def test_diagnostics_are_annotations_in_github_actions(stack: Stack) -> None:
    """Workflow commands name file, line and column from the root of the repository, escaped, and leave JSON alone."""
    stack.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(stack.root.parent)}
    stack.root = stack.root.parent / "stack,one"
    stack.root.mkdir()
    stack.write("lists:\n  'vip%':\n    fields: {CITY: ~}\n    nmae: x\ncampaigns: 3")
    result = stack.run("validate", "--format", "json")
    commands = [line for line in result.stderr.splitlines() if line.startswith("::")]

    errors = result.document["diagnostics"]
    assert len(commands) == len(errors) > 1
    assert all(
        re.fullmatch(r"::error file=stack%2Cone/smsops\.yaml,line=\d+,col=\d+,title=smsops SMS\d+::.+", c)
        for c in commands
    )
    assert any("%25" in command for command in commands)
    assert any("%0A" in command for command in commands)
    for arguments in (
        ["plan", "--format", "json"],
        ["plan"],
        ["validate"],
        ["apply", "--auto-approve", "--format", "json"],
    ):
        assert [line for line in stack.run(*arguments).stderr.splitlines() if line.startswith("::")] == commands
    stack.environment["GITHUB_ACTIONS"] = ""
    assert "::" not in stack.run("validate", "--format", "json").stderr


def test_validation_as_sarif(stack: Stack) -> None:
    """Code scanning gets a result for each diagnostic, at its place, with a rule that says what the code means."""
    stack.environment["GITHUB_WORKSPACE"] = str(stack.root.parent)
    stack.write("lists:\n  vip:\n    fields: {CITY: ~}\n    nmae: x\n  'a b': {}\n")
    found = stack.run("validate", "--format", "json").document["diagnostics"]
    result = stack.run("validate", "--format", "sarif")
    document = result.document

    assert result.exit_code == 1
    assert document.keys() == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "smsops"
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(item["code"] for item in found))
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    assert len(run["results"]) == len(found) > 1
    for item, one in zip(found, run["results"], strict=True):
        place = one["locations"][0]["physicalLocation"]
        assert one["message"]["text"].startswith(item["summary"])
        assert (one["ruleId"], rules[one["ruleIndex"]]["id"], one["level"]) == (
            item["code"],
            item["code"],
            item["severity"],
        )
        assert place["artifactLocation"]["uri"] == "stack/smsops.yaml"
        assert place["region"] == {"startLine": item["line"], "startColumn": item["column"]}
    stack.write({})
    assert stack.run("validate", "--format", "sarif").document["runs"][0]["results"] == []


def test_validating_needs_no_credentials(stack: Stack) -> None:
    """Whoever has no secret of the stack can check it: forks do."""
    stack.write(
        "account: {login: {env: A}, api_key: {file: b}, url: https://api.example}\nstate: s3://bucket/x\n"
        "sub_accounts:\n  shop: {first_name: A, last_name: B, email: a@b.example, mobile: 0612345678,\n"
        "    password: {command: [touch, ran]}}\n"
    )
    stack.environment.clear()

    assert stack.run("validate").exit_code == 0
    assert not (stack.root / "ran").exists()
    assert stack.calls() == []
