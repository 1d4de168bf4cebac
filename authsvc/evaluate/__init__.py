"""How right the models are: one file per model, each behind `authsvc evaluate NAME`, each printing one JSON object."""
