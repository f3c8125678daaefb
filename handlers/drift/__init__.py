"""Drift in Slack."""
