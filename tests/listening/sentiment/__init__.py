"""Tests of how posts are scored and their language told."""
