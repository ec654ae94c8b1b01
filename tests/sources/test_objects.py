"""What is peculiar to sources in object stores."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from smsops.edge.sources import open_source
from smsops.model.sources import RemoteSource, SourceUnreadable
from tests.sources.contract import CONTENT
from tests.sources.places import ObjectPlace


@pytest.fixture(params=["s3_place", "gcs_place", "azure_place"])
def place(request: pytest.FixtureRequest) -> ObjectPlace:
    """Each kind of store."""
    made: ObjectPlace = request.getfixturevalue(request.param)
    return made


def test_digest_and_version_are_checked(place: ObjectPlace) -> None:
    """An object is what sha256 and etag say, or it is not read."""
    given = place.small()
    wrong = replace(given, pins={"etag": "another"}).refusal()
    etag = wrong.detail.partition("Its ETag is ")[2].partition(". ")[0]
    digest = hashlib.sha256(CONTENT).hexdigest()

    assert etag
    assert replace(given, pins={"etag": f'"{etag}"', "sha256": digest}).content() == CONTENT
    assert "sha256" in replace(given, pins={"sha256": "0" * 64}).refusal().summary


def test_the_address_may_stand_in_the_configuration(place: ObjectPlace) -> None:
    """Where an object lies is no secret, and its credentials are not in its address."""
    given = place.small()

    with open_source(RemoteSource(given.url, format="ndjson"), Path("/nowhere"), given.environment) as stream:
        assert b"".join(stream.chunks) == CONTENT
        assert (stream.label, stream.format) == (given.url, "ndjson")


def test_a_bucket_that_is_not_there_is_named(place: ObjectPlace) -> None:
    """The commonest mistakes are told apart: no bucket, no object."""
    given = place.small()
    bucket = urlsplit(given.url).netloc

    assert "there is no such object" in place.missing().refusal().summary
    assert (
        "no-such-bucket-here" in replace(given, url=given.url.replace(bucket, "no-such-bucket-here")).refusal().summary
    )


def test_endpoint_and_region_may_stand_in_the_address(s3_place: ObjectPlace) -> None:
    """As for the state, a store that is not the vendor's own is named in the address."""
    given = s3_place.small()
    environment = dict(given.environment)
    endpoint, region = environment.pop("AWS_ENDPOINT_URL"), environment.pop("AWS_REGION")
    moved = replace(given, url=f"{given.url}?endpoint={endpoint}&region={region}", environment=environment)

    with moved.open() as stream:
        assert b"".join(stream.chunks) == CONTENT
        assert stream.label == given.url


@pytest.mark.parametrize(
    "url",
    ["s3://user:secret-of-it@bucket/vip.csv", "s3://bucket/vip.csv?password=secret-of-it", "s3://bucket/", "az://"],
)
def test_an_address_that_makes_no_sense(url: str) -> None:
    """Credentials have no place in it, and are not shown where they stand."""
    with pytest.raises(SourceUnreadable) as caught, open_source(RemoteSource(url), Path("/nowhere"), {}):
        pass

    assert "secret-of-it" not in f"{caught.value.summary}{caught.value.detail}"
