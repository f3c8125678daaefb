"""The embedded workspace."""
