"""The faults, by name: what is done to the system, how long it lasts, and what its clients may notice."""
