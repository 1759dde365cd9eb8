"""Tests of the command, with a stream of made-up events in the place of painting."""
