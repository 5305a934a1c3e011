"""Somebody's own rigged character, and a dance on its skeleton."""
