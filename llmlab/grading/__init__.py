"""Marks for submissions, from the learners' functions."""
