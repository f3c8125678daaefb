"""Datasets: registering, versions, search, comparison and curation."""
