"""How ``guidang reconcile`` compares what is with what ought to be."""
