"""Recipes, schedules and callbacks."""
