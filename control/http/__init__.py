"""What all HTTP requests have in common: the caller, the log, CORS, limits, errors."""
