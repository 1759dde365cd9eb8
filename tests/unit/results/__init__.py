"""Tests of the results of a run."""
