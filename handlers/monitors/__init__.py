"""Monitors and incidents in Slack."""
