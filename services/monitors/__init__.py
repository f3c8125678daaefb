"""Monitors: comparisons that run by themselves, and the incidents that come of them."""
