"""The contract of behavioural events, and what became of each batch. Loading and staging are in rooms of their own."""
