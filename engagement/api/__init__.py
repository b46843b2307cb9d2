"""The REST doors of engagement, one module for each thing that is worked with."""
