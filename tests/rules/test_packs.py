"""The packs that come with smsops, and a stack's own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import yaml

from smsops.config.load import Configuration, Inputs, load
from smsops.config.rule_packs import built_in
from smsops.kinds import KINDS
from smsops.model.settings import is_country
from smsops.rules.pack import EVERYWHERE, RECIPIENT
from smsops.rules.public_holidays import is_known
from smsops.rules.rulebook import DEFAULTS, PACKS, built_in_names, rulebook
from tests.harness import Stack
from tests.rules.people import broken

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "rule-pack.schema.json").read_text("utf-8"))
DOCS = (ROOT / "docs" / "rules.md").read_text("utf-8")

OWN = """\
pack: acme
countries: [FR, BE]
valid_from: 2026-12-01
rules:
  shop-hours: {hours: 10:00-18:00, level: error, source: the shops are open then}
  weekend: {quiet_days: [saturday, sunday], level: warning, source: the works council}
  belgium: {quiet_holidays: [recipient], countries: [BE], level: error, source: the shops are closed then, confidence: low}
"""


def configuration(stack: Stack) -> Configuration:
    return load(stack.root, KINDS, Inputs(environment={}))


@pytest.mark.parametrize("name", built_in_names())
def test_a_pack_says_what_it_demands_and_who_says_so(name: str) -> None:
    """Each pack is valid and known by its file's name; its countries and calendars exist, and each rule has a source."""
    pack = built_in(name)

    assert pack.pack == name
    assert pack.rules
    for rule_name, rule in pack.rules.items():
        assert len(rule.source) > 20, rule_name
        assert "confidence" in rule.model_fields_set, rule_name
        assert all(is_country(code) for code in rule.countries or ())
        assert all(code == RECIPIENT or is_known(code) for code in rule.quiet_holidays or ())
    for code in pack.countries:
        assert code == EVERYWHERE or (is_country(code) and is_known(code))


@pytest.mark.parametrize("name", built_in_names())
def test_a_pack_satisfies_the_schema(name: str) -> None:
    """An editor that follows the schema finds nothing wrong with our packs."""
    written: Any = yaml.load((PACKS / f"{name}.yaml").read_text("utf-8"), yaml.BaseLoader)

    jsonschema.validate(written, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", built_in_names())
def test_a_pack_is_in_the_docs(name: str) -> None:
    """docs/rules.md has a section for each pack, and in it each rule with its level and its confidence."""
    section = DOCS.partition(f"### {name}\n")[2].partition("\n##")[0]

    for rule_name, rule in built_in(name).rules.items():
        (line,) = [line for line in section.splitlines() if line.startswith(f"| {rule_name} |")]
        assert f"| {rule.level} |" in line
        assert f"| {rule.confidence} |" in line


def test_somebody_always_decides() -> None:
    """The last of the packs that are always asked is for everybody at any time."""
    last = built_in(DEFAULTS[-1])

    assert (last.countries, last.valid_from, last.valid_to) == ([EVERYWHERE], None, None)


def test_the_charters_follow_each_other() -> None:
    """The charter of 2026 begins on the day behind the last one of its predecessor."""
    before, after = built_in("fr-af2m-2024"), built_in("fr-af2m-2026")

    assert (before.valid_to, after.valid_from) == (date(2026, 2, 28), date(2026, 3, 1))


def test_a_pack_of_ones_own_is_asked_first(stack: Stack) -> None:
    """A pack in the stack decides for its countries and dates; for all else the usual ones do."""
    stack.write("policy: {rule_packs: [rules/ours.yaml, fr-af2m-2026]}\n")
    stack.write(OWN, "rules/ours.yaml")
    assert stack.run("validate").exit_code == 0

    made = configuration(stack)
    rules = rulebook(made.stack.policy.rule_packs, made.rule_packs, built_in)

    assert broken(rules, "2026-12-05T08:59Z", "Paris") == {"shop-hours": "error", "weekend": "warning"}
    assert broken(rules, "2026-12-07T09:00Z", "Paris", stop=False) == {}
    assert broken(rules, "2026-11-30T19:00Z", "Paris", stop=False) == {"stop": "warning"}
    assert broken(rules, "2026-12-07T19:00Z", "Berlin") == {"hours": "error"}


def test_a_pack_of_ones_own_is_part_of_what_was_reviewed(stack: Stack) -> None:
    """A change of a pack's file makes another configuration of the stack: a saved plan does not outlive it."""
    stack.write("policy: {rule_packs: [rules/ours.yaml]}\n")
    stack.write(OWN, "rules/ours.yaml")
    before = stack.plan()["config_fingerprint"]

    stack.write(OWN.replace("18:00", "19:00"), "rules/ours.yaml")

    assert stack.plan()["config_fingerprint"] != before


def test_the_packs_are_shipped(tmp_path: Path) -> None:
    """Whoever installs smsops has the packs."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")

    packed = {Path(name).stem for name in ZipFile(wheel).namelist() if name.startswith("smsops/rules/packs/")}

    assert packed == {*built_in_names()}
