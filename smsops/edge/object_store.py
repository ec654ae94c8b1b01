"""Object stores as smsops reaches them: addresses, credentials, and what went wrong in words. State and sources share it.

The address is `s3://BUCKET/KEY`, `gs://BUCKET/KEY` or `az://CONTAINER/KEY`. It may end with `?endpoint=URL` (a store that
is not the vendor's own) and `region=NAME`. Credentials are never part of it: they come from the variables that the
vendors' own tools read, or, where none is set, from the machine (instance metadata, workload identity).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from smsops.model.values import repr_without

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore

CONNECT = timedelta(seconds=5)
REQUEST = timedelta(seconds=30)

_CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS.",
    "az": "Set AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, or AZURE_STORAGE_CONNECTION_STRING.",
}
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}

_VARIABLES: dict[str, dict[str, str]] = {
    "s3": {
        name: name.lower()
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL_STS",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        )
    },
    "gs": {
        "GOOGLE_APPLICATION_CREDENTIALS": "google_application_credentials",
        "GOOGLE_SERVICE_ACCOUNT": "google_service_account",
        "GOOGLE_SERVICE_ACCOUNT_KEY": "google_service_account_key",
        "GOOGLE_OAUTH_ACCESS_TOKEN": "google_bearer_token",
        "GOOGLE_BEARER_TOKEN": "google_bearer_token",
        "GOOGLE_SKIP_SIGNATURE": "google_skip_signature",
        "GOOGLE_BASE_URL": "google_base_url",
        "STORAGE_EMULATOR_HOST": "google_base_url",
    },
    "az": {
        "AZURE_STORAGE_ACCOUNT": "azure_storage_account_name",
        "AZURE_STORAGE_ACCOUNT_NAME": "azure_storage_account_name",
        "AZURE_STORAGE_KEY": "azure_storage_account_key",
        "AZURE_STORAGE_ACCOUNT_KEY": "azure_storage_account_key",
        "AZURE_STORAGE_SAS_TOKEN": "azure_storage_sas_key",
        "AZURE_STORAGE_ENDPOINT": "azure_storage_endpoint",
        "AZURE_CLIENT_ID": "azure_client_id",
        "AZURE_CLIENT_SECRET": "azure_client_secret",
        "AZURE_TENANT_ID": "azure_tenant_id",
        "AZURE_AUTHORITY_HOST": "azure_authority_host",
        "AZURE_FEDERATED_TOKEN_FILE": "azure_federated_token_file",
    },
}
"""The variables of each store, and the library's name for each. Of two with one meaning the later wins."""

_CONNECTION_STRING = {
    "AccountName": "azure_storage_account_name",
    "AccountKey": "azure_storage_account_key",
    "BlobEndpoint": "azure_storage_endpoint",
    "SharedAccessSignature": "azure_storage_sas_key",
}

_ENDPOINTS = {
    "s3": ("aws_endpoint_url_s3", "aws_endpoint_url"),
    "gs": ("google_base_url",),
    "az": ("azure_storage_endpoint",),
}
"""What the library calls the address of the store; the first outranks the others."""

NO_OBJECT = {"NoSuchKey", "BlobNotFound"}
"""The answers that mean absence. Any other 404, such as that of a server that is no store, does not."""

NO_BUCKET = {"NoSuchBucket", "InvalidBucketName", "ContainerNotFound", "InvalidResourceName"}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_NO_CREDENTIALS = {
    "AuthenticationFailed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidToken",
    "SignatureDoesNotMatch",
}

_METADATA_SERVICES = ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "fd00:ec2::254")


class StoreError(Exception):
    """An address, an environment or an installation with which no store can be used. Holds no credentials."""

    def __init__(self, summary: str, detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail


class ObjectAddress(NamedTuple):
    """Where an object lies; `config` is what the parameters of its address ask for."""

    scheme: str
    bucket: str
    key: str
    config: Mapping[str, str]

    def __repr__(self) -> str:
        return repr_without(self, "config")

    @property
    def where(self) -> str:
        """The address without its parameters."""
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @classmethod
    def parse(cls, url: str, what: str, example: str) -> ObjectAddress:
        """Take an address apart; StoreError, which calls it that of the `what`, where it makes no sense."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise StoreError(f"The address of the {what} makes no sense") from None
        bucket, key = parts.netloc, parts.path.removeprefix("/")
        example = f"{parts.scheme}://{'CONTAINER' if parts.scheme == 'az' else 'BUCKET'}/{example}"
        if parts.scheme not in _EXTRAS:
            raise StoreError(f"The {what} is not in an object store", "s3://, gs:// and az:// are.")
        if "@" in bucket or parts.password:
            raise StoreError(
                f"The address of the {what} holds credentials",
                f"Write {example}, and give the credentials in the environment.",
            )
        where = f"{parts.scheme}://{bucket}/{key}"
        if not bucket or parts.fragment or any(part in ("", ".", "..") for part in key.split("/")):
            raise StoreError(f"{where} names no object", f"It looks like {example}.")
        return cls(parts.scheme, bucket, key, _parameters(parts.scheme, parts.query, where))


def _parameters(scheme: str, query: str, where: str) -> dict[str, str]:
    config: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "endpoint" and re.fullmatch(r"https?://[^@?#\s]+", value):
            config |= dict.fromkeys(_ENDPOINTS[scheme], value.rstrip("/"))
        elif name == "region" and scheme == "s3" and value:
            config["aws_region"] = value
        else:
            raise StoreError(
                f"{where}: the parameter {name} is not known, or its value makes no sense",
                "endpoint=https://HOST is known" + (", and region=NAME." if scheme == "s3" else "."),
            )
    return config


class ObjectClient:
    """The library for one address, with credentials from the environment.

    `errors` are what its calls raise; `explained` puts them into words.
    """

    def __init__(self, address: ObjectAddress, environment: Mapping[str, str]) -> None:
        """Makes no call to the store. StoreError where the library is missing or the environment asks for too much."""
        self._address = address
        self._config = _configuration(address.scheme, environment) | dict(address.config)
        self._secrets = [
            value for name, value in self._config.items() if "key" in name or "secret" in name or "token" in name
        ]
        try:
            import obstore
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise StoreError(
                f"{address.where} needs a library that is not installed",
                f"Install it with: pip install 'smsops[{_EXTRAS[address.scheme]}]'",
            ) from None
        self.library = obstore
        self.errors = (obstore.exceptions.BaseError, OSError, NotImplementedError, ValueError)

    def store(self, timeouts: ClientConfig) -> ObjectStore:
        """The bucket or container. Makes no call to it; one of `errors` where the configuration makes no sense."""
        from obstore.store import AzureStore, GCSStore, S3Store

        scheme = self._address.scheme
        make: Any = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}[scheme]
        made: ObjectStore = make(
            self._address.bucket,
            config=self._config,
            client_options={
                "connect_timeout": CONNECT,
                **timeouts,
                "allow_http": any(self._config.get(name, "").startswith("http://") for name in _ENDPOINTS[scheme]),
            },
            retry_config={
                "max_retries": 4,
                "retry_timeout": REQUEST,
                "backoff": {
                    "init_backoff": timedelta(seconds=0.2),
                    "max_backoff": timedelta(seconds=3),
                    "base": 2,
                },
            },
        )
        return made

    def explained(self, error: Exception, rights: str) -> tuple[str, str]:
        """What went wrong and what to do, without credentials; `rights` says what they have to allow."""
        cause, detail = _explained(error, self._address.scheme, self._address.bucket, rights)
        for secret in self._secrets:
            cause = cause.replace(secret, "…")
        return cause, detail


def _configuration(scheme: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What the library is told of the environment. What is not there it looks for by itself."""
    config = {known: environment[name] for name, known in _VARIABLES[scheme].items() if environment.get(name)}
    if scheme == "az":
        pairs = (pair.partition("=") for pair in environment.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"))
        config |= {_CONNECTION_STRING[name]: value for name, _, value in pairs if name in _CONNECTION_STRING}
    if scheme == "s3":
        config["aws_disable_bulk_delete"] = "true"  # not every store that speaks the protocol has that call
        own = ("aws_access_key_id", "aws_web_identity_token_file")
        if environment.get("AWS_PROFILE") and not any(name in config for name in own):
            raise StoreError(
                "The credentials of an AWS profile are not read",
                'Put them into the environment first: eval "$(aws configure export-credentials --format env)"',
            )
    for name in config.keys() & set(_ENDPOINTS[scheme]):
        endpoint = config[name].rstrip("/")
        config[name] = endpoint if "://" in endpoint else f"http://{endpoint}"  # an emulator's host and port
    return config


def answer(error: Exception) -> str | None:
    """The store's own name for what went wrong."""
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return found[1] if found else None


def _explained(error: Exception, scheme: str, bucket: str, rights: str) -> tuple[str, str]:
    """What went wrong, in the few words that a person needs, and what to do. The library's own text fills a screen."""
    text = str(error)
    name, found = type(error).__name__, answer(error)
    reason = f" ({found})" if found else ""
    place = "container" if scheme == "az" else "bucket"
    status = re.search(r"status code: (\d{3}[ \w]*)", text)
    if found in NO_BUCKET:
        return f"there is no {place} {bucket}{reason}", f"Make the {place}, or correct the address."
    if found in _OTHER_REGION or "incorrectly configured region" in text:
        return f"{bucket} is in another region{reason}", "Set AWS_REGION, or add ?region=NAME to the address."
    if found in _NO_CREDENTIALS or name == "UnauthenticatedError":
        return f"the credentials are not accepted{reason}", "Check the variables of the environment that hold them."
    if name == "PermissionDeniedError":
        return f"permission denied{reason}", f"The credentials need the right to {rights} in the {place}."
    if any(service in text for service in _METADATA_SERVICES):
        return "there are no credentials", _CREDENTIALS[scheme]
    if "kind: Connect" in text:
        cause = "its name cannot be resolved" if "dns error" in text else "no connection to it can be made"
        return f"the store is out of reach, {cause}", "Check the network, and the endpoint if one is given."
    if "kind: Timeout" in text:
        return "the store does not answer in time", "Run again."
    if status:
        return f"the store answers {status[1].strip()}{reason}", ""
    if "kind: Request" in text:
        return "the connection to the store broke", "Run again."
    first = re.sub(r"\w+://\S+", "…", text.split("\n", 1)[0]).partition(" error: ")
    cause = first[2] or first[0]
    return cause if len(cause) <= 200 else cause[:199] + "…", _CREDENTIALS[scheme]
