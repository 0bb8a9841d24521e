"""The broker under faults, on a real redis-server; its everyday behaviour on the stand-in as well."""
