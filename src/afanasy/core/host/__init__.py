"""Renders: how they come and go, what they have who says so; pools, the farm file, masks, sleep."""
