"""Which targets, and how many, measure a mass-metallicity trend to a wanted precision?"""
