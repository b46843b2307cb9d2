"""Facebook and Instagram: the connectors over HTTP, against a simulator of the Graph API."""
