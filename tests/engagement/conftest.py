"""Fixtures of the tests of answers."""

from __future__ import annotations

import pytest

from profiles.models import Agent
from tests.engagement.desk import Desk
from tests.factories import make_agent


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def ana(db: None) -> Agent:
    return make_agent(username="ana")
