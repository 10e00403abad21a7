"""Disasters of the machine: the power is cut, the clock jumps, the disk is full."""
