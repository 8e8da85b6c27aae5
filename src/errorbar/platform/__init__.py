"""What runs any system and knows none: stores, registries, serving, watching."""
