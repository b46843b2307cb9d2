"""The root of the project: it composes the apps and is imported by none of them."""
