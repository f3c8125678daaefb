"""The embedded workspace: a registry in the bot's own database, datastores that are folders."""
