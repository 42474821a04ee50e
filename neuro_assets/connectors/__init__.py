"""What fetches data over the network: accounts of participants and pulls. What the data mean belongs in sources/."""
