"""One comment on a pull request or a merge request, written anew at every run: `python comment.py FILE`.

FILE is what `smsops … --format markdown` printed; its first line is the marker by which the comment is found again.
On GitLab it takes SMSOPS_COMMENT_TOKEN, a token of the project with the scope `api`; on GitHub action.py calls it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from forge import ForgeError, GitLab

MARKER = "<!-- smsops: "
NAMELESS = "<!-- smsops: ? -->"


class Forge(Protocol):
    """Where comments are."""

    def comments(self, number: int) -> Iterator[tuple[int, str]]: ...

    def create_comment(self, number: int, body: str) -> None: ...

    def update_comment(self, number: int, comment: int, body: str) -> None: ...


def publish(forge: Forge, number: int, body: str, key: str, *, create: bool = True) -> str:
    """Write the comment, the one there is or, with `create`, a new one; says which.

    It is found by its first line. Where a configuration is so wrong that it does not even name its stack, `key` finds it.
    """
    marker = body.partition("\n")[0]
    if not marker.startswith(MARKER):
        raise ForgeError("this is no comment of smsops: it does not begin with a marker")
    second = f"<!-- in {key.replace('--', '- -')} -->"
    body = f"{marker}\n{second}{body[len(marker) :]}"
    known = list(forge.comments(number))
    same = [one for one in known if _lines(one[1])[0] == marker]
    nameless = [one for one in known if _lines(one[1])[1] == second and NAMELESS in (marker, _lines(one[1])[0])]
    for comment, found in (same or nameless)[:1]:
        if found != body:
            forge.update_comment(number, comment, body)
        return "updated"
    if create:
        forge.create_comment(number, body)
    return "created" if create else "not needed"


def _lines(body: str) -> list[str]:
    return [*body.splitlines(), "", ""][:2]


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    body = Path(arguments[0]).read_text("utf-8")
    token = environment.get("SMSOPS_COMMENT_TOKEN", "")
    number = environment.get("CI_MERGE_REQUEST_IID", "")
    if not token or not number:
        print("No comment: it takes SMSOPS_COMMENT_TOKEN and a merge request.", file=sys.stderr)
        return 0
    try:
        publish(GitLab.of(environment, token), int(number), body, environment.get("SMSOPS_DIRECTORY", "."))
    except ForgeError as error:
        print(f"The comment could not be written: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
