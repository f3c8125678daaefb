"""Access: decided, executed, ended and audited, on real databases."""
