"""Tests against other people's servers, run by `make test-peers`: they install what the usual suite does without."""
