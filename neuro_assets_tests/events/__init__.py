"""Tests of the contract of events, from a batch to `staging.event`."""
