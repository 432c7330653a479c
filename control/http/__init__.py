"""What all HTTP requests have in common: log, CORS, limits, errors."""
