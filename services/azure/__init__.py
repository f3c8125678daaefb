"""The Azure Machine Learning workspace: the only place that imports azureml, azure and obstore."""
