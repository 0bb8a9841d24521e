"""Candidate search: what a query says, and which profiles it finds."""
