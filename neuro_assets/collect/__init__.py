"""Sampling the machine this runs on, and handing events of the contract to a study's landing folder."""
