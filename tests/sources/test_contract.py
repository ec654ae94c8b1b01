"""The contract, for every kind of source."""

from __future__ import annotations

import pytest

from tests.sources.contract import GuardedContract, Place, SourceContract


class TestHttps(GuardedContract):
    @pytest.fixture
    def place(self, web_place: Place) -> Place:
        return web_place


class TestS3(GuardedContract):
    @pytest.fixture
    def place(self, s3_place: Place) -> Place:
        return s3_place


class TestGoogle(GuardedContract):
    @pytest.fixture
    def place(self, gcs_place: Place) -> Place:
        return gcs_place


class TestAzure(GuardedContract):
    @pytest.fixture
    def place(self, azure_place: Place) -> Place:
        return azure_place


class TestPostgres(GuardedContract):
    @pytest.fixture
    def place(self, postgres_place: Place) -> Place:
        return postgres_place


class TestMySQL(GuardedContract):
    @pytest.fixture
    def place(self, mysql_place: Place) -> Place:
        return mysql_place


class TestSQLite(SourceContract):
    @pytest.fixture
    def place(self, sqlite_place: Place) -> Place:
        return sqlite_place
