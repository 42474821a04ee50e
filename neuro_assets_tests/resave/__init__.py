"""Every way a person re-saves an export, and the proof that each gives the same rows or a reason."""
