"""Access to a dataset's data, from request to end: asked for, decided, executed, verified, ended, audited."""
