"""Access in Slack: asking for it, deciding, holding, ending and reading who did what."""
