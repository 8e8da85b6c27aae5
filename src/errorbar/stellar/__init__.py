"""What is this star, from spectra, light curves and photometry, and how sure are we?"""
