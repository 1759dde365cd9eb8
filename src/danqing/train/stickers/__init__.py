"""Openly licensed cut-outs with Chinese names, for nouns that the painter cannot draw; fetched when asked for, never shipped."""
