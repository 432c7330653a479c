"""Who may do what: tokens, JWTs, and a service that decides instead."""
