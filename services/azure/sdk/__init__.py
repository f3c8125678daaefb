"""What runs inside the worker processes: the only modules that import azureml."""
