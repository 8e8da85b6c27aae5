"""Pure functions on arrays, as a textbook has them."""
