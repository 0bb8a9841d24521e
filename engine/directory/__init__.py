"""The directory: what the host knows of people who may be written to, and what these say of it themselves."""
