"""What every system and the platform stand on."""
