"""The parts of the demo: pages and assets here, everything about networks in `netlib`."""
