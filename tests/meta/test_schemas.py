"""The schemas in schemas/: made from the models, and right about what smsops reads and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from smsops.schemas import SCHEMAS
from tests.harness import Stack

ROOT = Path(__file__).parents[2]


def written(name: str) -> Any:
    return json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_those_of_the_models(name: str) -> None:
    """schemas/ is what `smsops schema` prints: make schemas after every change of a model."""
    assert written(name) == json.loads(json.dumps(SCHEMAS[name]()))
    assert (ROOT / "Makefile").read_text("utf-8").count(f" {name}") > 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_schema(name: str) -> None:
    """Every schema is valid JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name]())


EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_satisfy_the_schema(path: Path) -> None:
    """An editor that follows the schema finds nothing wrong with the examples."""
    name = "stack" if path.name == "smsops.yaml" else "included"

    jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), written(name), cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_smsops_refuses() -> None:
    """An unknown key, a wrong type and a literal secret are errors in the editor too."""
    validator = jsonschema.Draft202012Validator(SCHEMAS["stack"]())
    base = {"smsops": 1, "stack": "x"}

    assert validator.is_valid(base)
    assert not validator.is_valid({**base, "list": {}})
    assert not validator.is_valid({**base, "lists": {"vip": {"locked": []}}})
    assert not validator.is_valid({**base, "account": {"api_key": "literal"}})


def test_the_documents_satisfy_their_schemas(stack: Stack) -> None:
    """What plan, apply, validate and the state print is what their schemas say."""
    stack.write("lists:\n  vip:\n    fields: {CITY: ~}\n    contacts: [{inline: [{phone: 0612345678, CITY: Lyon}]}]\n")

    jsonschema.validate(stack.run("validate", "--format", "json").document, written("validation"))
    jsonschema.validate(stack.plan(), written("plan"))
    jsonschema.validate(stack.run("rehearse", "--format", "json").document, written("rehearsal"))
    result = stack.run("apply", "--auto-approve", "--format", "json")
    for event in result.events:
        jsonschema.validate(event, written("apply-event"))
    assert [event["type"] for event in result.events][-1] == "summary"
    jsonschema.validate(stack.plan("--all"), written("plan"))
    jsonschema.validate(stack.run("state", "pull").document, written("state"))
    stack.write("lists: {vip: {nam: x}}\n")
    jsonschema.validate(stack.run("validate", "--format", "json").document, written("validation"))
    jsonschema.validate(stack.run("plan", "--format", "json").document, written("plan"))
