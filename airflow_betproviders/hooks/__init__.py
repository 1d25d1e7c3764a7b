"""The base class of all hooks: connection, signed call, connection test."""
