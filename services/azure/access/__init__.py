"""Access to data in Azure: role assignments with conditions, Entra PIM, and what somebody's own roles open."""
