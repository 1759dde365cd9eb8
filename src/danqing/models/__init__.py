"""The networks, under the names that published files use; each is handed tensors and knows no paths but `load`."""
