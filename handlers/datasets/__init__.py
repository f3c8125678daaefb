"""Everything about datasets that is seen in Slack."""
