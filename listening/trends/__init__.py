"""Trends: counts of mentions by hour, the series read from them, and the charts that show them."""
