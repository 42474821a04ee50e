"""From tables of features and answers to what models learn from. How models learn stands in science/models."""
