"""Labels: where everything stands on them, and how they become PDF, PNG and ZPL. Knows shapes, and neither database nor HTTP."""
