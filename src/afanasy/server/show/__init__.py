"""Requests that ask: what a get can want, and how every node is shown."""
