"""Drawn dancers: styles that need no model."""
