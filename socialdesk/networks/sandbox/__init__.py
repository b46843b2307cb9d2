"""A whole social network on this machine, in one SQLite file, kept behind the same protocols as any other."""
