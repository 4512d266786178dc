"""From a picture to what the networks answer, and why."""
