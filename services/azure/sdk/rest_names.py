"""Private names of azureml-core that the adapter uses: a later SDK may not have them."""

from __future__ import annotations

PRIVATE_NAMES = (
    "azureml._restclient.rest_client:RestClient",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.list",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.register",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.update_dataset",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.get_dataset_by_name",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.get_all_dataset_definitions",
    "azureml.data._dataset_rest_helper:_dataset_to_dto",
    "azureml.data._dataset_rest_helper:_FETCH_DATASET_URL",
    "azureml.core.authentication:_SubscriptionInfo",
    "azureml.core.authentication:TokenAuthentication._get_all_subscription_ids",
    "azureml.data:TabularDataset._create",
    "azureml.data:FileDataset._create",
    "azureml.dataprep:EnginelessDataflow",
    "azureml.dataprep.api._datastore_helper:_set_auth_type",
    "azureml.dataprep.api._rslex_executor:get_rslex_executor",
    "azureml.dataprep.rslex:Executor.execute_dataflow",
    "azureml.dataprep.rslex:Executor.execute_dataflow_to_pyrecords",
)
"""module:name or module:class.name. The minor version of azureml-core is pinned; a new one must pass the test."""
