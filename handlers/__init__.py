"""Slack in, Slack out: parse, authorise, call one service, render."""
