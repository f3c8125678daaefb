"""Reading files in Azure Storage straight from storage: listings and ranges, without the SDK."""
