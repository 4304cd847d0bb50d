"""Slow, plain float64 NumPy versions of what the package computes: the truth in tests.

Modules here import NumPy alone, so that they can share no mistake with the package.
"""
