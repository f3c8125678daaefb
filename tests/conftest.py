"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Time belongs in benchmarks: a property does not fail because the machine is busy.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
