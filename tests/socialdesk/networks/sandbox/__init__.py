"""Tests of what only the sandbox has: its world, its faults, its play."""
