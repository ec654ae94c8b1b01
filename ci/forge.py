"""What the CI scripts ask of GitHub and GitLab: comments, merged pull requests, artifacts. Only the standard library."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import IO, Any

_PAGE = 100
_LARGEST = 200_000_000
"""Bytes of a file in an artifact."""


class ForgeError(Exception):
    """The forge did not do what it was asked for; says what and why, never with the token."""


class _WithoutToken(urllib.request.HTTPRedirectHandler):
    """Artifacts lie at another host, which is not to see the token."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None:
            made.headers.pop("Authorization", None)
        return made


_OPENER = urllib.request.build_opener(_WithoutToken)


@dataclass(frozen=True)
class Http:
    """Requests below one address."""

    url: str
    headers: Mapping[str, str]

    def bytes(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "smsops",
            **self.headers,
        }
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=60) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise ForgeError(f"{method} {path.partition('?')[0]}: HTTP {error.code}") from None
        except (OSError, ValueError) as error:
            raise ForgeError(f"{method} {path.partition('?')[0]}: {getattr(error, 'reason', error)}") from None

    def json(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.bytes(method, path, body) or b"null")

    def pages(self, path: str) -> Iterator[Any]:
        """The items of a list, however many pages it has."""
        sign = "&" if "?" in path else "?"
        for page in range(1, 1000):
            items = self.json("GET", f"{path}{sign}per_page={_PAGE}&page={page}")
            yield from items
            if len(items) < _PAGE:
                return


@dataclass(frozen=True)
class GitHub:
    """One repository, `owner/name`."""

    http: Http
    repository: str
    author: str = "github-actions[bot]"

    @classmethod
    def of(cls, environment: Mapping[str, str], token: str, author: str) -> GitHub:
        url = environment.get("GITHUB_API_URL") or "https://api.github.com"
        headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
        return cls(Http(url, headers), environment["GITHUB_REPOSITORY"], author or cls.author)

    @property
    def _root(self) -> str:
        return f"/repos/{self.repository}"

    def comments(self, number: int) -> Iterator[tuple[int, str]]:
        """Our own comments on a pull request: somebody else's are never touched."""
        for comment in self.http.pages(f"{self._root}/issues/{number}/comments"):
            if comment["user"]["login"] == self.author:
                yield comment["id"], comment["body"]

    def create_comment(self, number: int, body: str) -> None:
        self.http.json("POST", f"{self._root}/issues/{number}/comments", {"body": body})

    def update_comment(self, number: int, comment: int, body: str) -> None:
        self.http.json("PATCH", f"{self._root}/issues/comments/{comment}", {"body": body})

    def merged(self, commit: str) -> tuple[int, str] | None:
        """The number and the last commit of the pull request whose merge made a commit."""
        for pull in self.http.pages(f"{self._root}/commits/{commit}/pulls"):
            if pull["merged_at"]:
                return pull["number"], pull["head"]["sha"]
        return None

    def artifact(self, name: str, *, commit: str | None = None, run: str | None = None) -> dict[str, bytes] | None:
        """The files of the latest artifact of a name, of a commit or of a run; one that a fork made is none."""
        path = f"{self._root}/actions/{f'runs/{int(run)}/' if run else ''}artifacts?name={urllib.parse.quote(name)}&per_page=100"
        found = [
            one
            for one in self.http.json("GET", path)["artifacts"]
            if one["name"] == name
            and not one["expired"]
            and one["workflow_run"]["head_repository_id"] == one["workflow_run"]["repository_id"]
            and commit in (None, one["workflow_run"]["head_sha"])
        ]
        if not found:
            return None
        latest = max(found, key=lambda one: str(one["created_at"]))
        content = self.http.bytes("GET", f"{self._root}/actions/artifacts/{int(latest['id'])}/zip")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {file.filename: archive.read(file) for file in archive.infolist() if file.file_size <= _LARGEST}


@dataclass(frozen=True)
class GitLab:
    """One project, by its id."""

    http: Http
    project: str

    @classmethod
    def of(cls, environment: Mapping[str, str], token: str) -> GitLab:
        return cls(Http(environment["CI_API_V4_URL"], {"PRIVATE-TOKEN": token}), environment["CI_PROJECT_ID"])

    def _notes(self, number: int) -> str:
        return f"/projects/{urllib.parse.quote(self.project, safe='')}/merge_requests/{number}/notes"

    def comments(self, number: int) -> Iterator[tuple[int, str]]:
        """Our own notes on a merge request."""
        me = self.http.json("GET", "/user")["id"]
        for note in self.http.pages(self._notes(number)):
            if note["author"]["id"] == me:
                yield note["id"], note["body"]

    def create_comment(self, number: int, body: str) -> None:
        self.http.json("POST", self._notes(number), {"body": body})

    def update_comment(self, number: int, comment: int, body: str) -> None:
        self.http.json("PUT", f"{self._notes(number)}/{comment}", {"body": body})
