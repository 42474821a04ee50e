"""What people are told when something about a model cannot be done."""


class ModelError(ValueError):
    """A sentence for a person, with a remedy."""
