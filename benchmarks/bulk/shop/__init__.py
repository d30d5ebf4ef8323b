"""The measured tables as an app of Django."""
