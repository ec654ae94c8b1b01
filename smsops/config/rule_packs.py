"""Rule packs from YAML: those that come with smsops, and a stack's own, whose mistakes have their place like all others."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as AbstractSequence

from pydantic_core import ValidationError

from smsops.config.files import Files
from smsops.config.inside import Unreadable
from smsops.config.yaml import Mapping, mark_at, parse
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean
from smsops.model.settings import is_country
from smsops.rules.pack import EVERYWHERE, RECIPIENT, Pack
from smsops.rules.public_holidays import is_known
from smsops.rules.rulebook import PACKS, built_in_names


def built_in(name: str) -> Pack:
    """One of the packs that come with smsops."""
    file = PACKS / f"{name}.yaml"
    return Pack.model_validate(parse(file.read_bytes(), file.name, Diagnostics()))


def read_own(
    names: AbstractSequence[str], mark_of: Callable[[int], Mark], files: Files, diagnostics: Diagnostics
) -> dict[str, Pack]:
    """The packs of a stack's own among those that it names, by their paths; `mark_of` tells where a name stands.

    A name of neither a pack that comes with smsops nor a file, and whatever is wrong with a file, is reported.
    """
    known = built_in_names()
    found: dict[str, Pack] = {}
    named = dict.fromkeys(known, "one that comes with smsops")
    for position, name in enumerate(names):
        mark = mark_of(position)
        if name in known or name in found:
            continue
        if not name.endswith((".yaml", ".yml")):
            detail = did_you_mean(name, known) + " One of your own is the path of a YAML file."
            diagnostics.error("SMS118", f'There is no rule pack "{name}"', detail=detail.strip(), mark=mark)
            continue
        tree = _tree(name, mark, files, diagnostics)
        pack = _pack(name, tree, diagnostics) if tree is not None else None
        if tree is None or pack is None:
            continue
        if pack.pack in named:
            summary = f'There is another rule pack "{pack.pack}": {named[pack.pack]}'
            diagnostics.error("SMS118", summary, detail="Choose another name.", mark=tree.value_mark("pack"))
        named[pack.pack] = name
        found[name] = pack
    return found


def _tree(path: str, mark: Mark, files: Files, diagnostics: Diagnostics) -> Mapping | None:
    """The mapping in a pack's file; None, reported, where there is none."""
    try:
        content = files.read_content(path)
    except Unreadable as error:
        diagnostics.error(error.code, error.summary, detail=error.detail, mark=mark)
        return None
    before = len(diagnostics.items)
    tree = parse(content, path, diagnostics)
    if len(diagnostics.items) > before:
        return None
    if isinstance(tree, Mapping):
        return tree
    diagnostics.error(
        "SMS112", "A rule pack is a mapping", detail="Write pack:, countries: and rules:.", mark=Mark(path, 1, 1)
    )
    return None


def _pack(path: str, tree: Mapping, diagnostics: Diagnostics) -> Pack | None:
    try:
        pack = Pack.model_validate(tree)
    except ValidationError as error:
        from smsops.config.validation import report

        report(error, Pack, tree, Mark(path, 1, 1), diagnostics)
        return None
    for position, country in enumerate(pack.countries):
        if country != EVERYWHERE and not is_country(country):
            mark = mark_at(tree, ("countries", position))
            diagnostics.error("SMS112", f"countries.{position}: There is no country {country}", mark=mark)
    for name, rule in pack.rules.items():
        for key, known, sort in (("countries", is_country, "country"), ("quiet_holidays", _is_calendar, "calendar")):
            for position, code in enumerate(getattr(rule, key) or ()):
                if not known(code):
                    place = ("rules", name, key, position)
                    subject = ".".join(str(step) for step in place)
                    diagnostics.error("SMS112", f"{subject}: There is no {sort} {code}", mark=mark_at(tree, place))
    return pack


def _is_calendar(code: str) -> bool:
    return code == RECIPIENT or is_known(code)
