"""Registry of models, their installation, and the conversion of published weights."""
