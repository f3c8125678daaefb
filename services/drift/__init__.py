"""Drift: profile once, compare many. numpy and pyarrow alone on the way of the data."""
