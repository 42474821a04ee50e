"""The Google Health connector: participants' accounts and tokens, and what is asked of the API. No Dagster."""
