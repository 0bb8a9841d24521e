"""How invoices are paid: one small interface, and a module for each way; ``choose`` picks by the settings."""
