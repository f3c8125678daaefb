"""Everything about datastores that is seen in Slack."""
