"""Private names of azureml-core that the adapter uses: a later SDK may not have them."""

from __future__ import annotations

PRIVATE_NAMES = (
    "azureml._restclient.rest_client:RestClient",
    "azureml._base_sdk_common.service_discovery:get_service_url",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.list",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.register",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.update_dataset",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.get_dataset_by_name",
    "azureml._restclient.operations.dataset_operations:DatasetOperations.get_all_dataset_definitions",
    "azureml.data._dataset_rest_helper:_dataset_to_dto",
    "azureml.data._dataset_rest_helper:_FETCH_DATASET_URL",
    "azureml.core:Workspace._workspace_id",
    "azureml.core.authentication:_SubscriptionInfo",
    "azureml.core.authentication:TokenAuthentication._get_all_subscription_ids",
    "azureml.data:TabularDataset._create",
    "azureml.data:FileDataset._create",
    "azureml.dataprep:EnginelessDataflow",
)
"""module:name or module:class.name. The minor version of azureml-core is pinned; a new one must pass the test."""
