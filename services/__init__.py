"""What the bot knows and does. Imports nothing of Slack."""
