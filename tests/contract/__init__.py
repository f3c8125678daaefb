"""A local Azure that the unmodified SDKs reach under Azure's real host names; see README.md."""
