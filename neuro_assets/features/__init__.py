"""From the tables of a study to those of its features. What a feature is stands in science/features."""
