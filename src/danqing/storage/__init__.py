"""The only code that writes files atomically and locks them."""
