"""The Azure Machine Learning workspace: the only place that imports azureml and azure."""
