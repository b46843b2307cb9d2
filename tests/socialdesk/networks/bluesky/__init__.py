"""Tests of the connector for Bluesky, against a simulated network that speaks its wire format."""
