"""Carriers of text messages: one small interface, the console, and a real provider. No models, no database."""
