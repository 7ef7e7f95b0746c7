"""Who may do what: roles, callers, users and tokens. `access.Access` is the one that decides."""
