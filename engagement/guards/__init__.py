"""What must not go out in public, found in a draft: pure functions, no database."""
