"""Datastores: where the data of datasets lie."""
