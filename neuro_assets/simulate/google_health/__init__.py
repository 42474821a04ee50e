"""A fake Google Health API v4 with Google's OAuth, over loopback HTTP, from a seeded world of people with trackers.

Knows Google's documents and what others recorded of the live API (`evidence`), nothing of the reader under test.
"""

from neuro_assets.simulate.google_health.faults import Fault, Faults
from neuro_assets.simulate.google_health.quota import Quota
from neuro_assets.simulate.google_health.server import GoogleHealthServer, Request
from neuro_assets.simulate.google_health.world import Query, World

__all__ = ["Fault", "Faults", "GoogleHealthServer", "Query", "Quota", "Request", "World"]
