"""Tests of the connectors, the registry, and the sandbox network."""

import pytest

pytest.register_assert_rewrite("tests.socialdesk.networks.contract")
