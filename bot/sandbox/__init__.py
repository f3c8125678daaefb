"""The local Slack: a server and a page for development and tests. It is not Slack."""
