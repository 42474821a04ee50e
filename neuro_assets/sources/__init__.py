"""How a vendor's file BECOMES streams: declarative specs and their reading. Loading files is in ingest/."""
