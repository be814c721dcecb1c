"""Models behind one interface: pure functions over arrays that do not know whether they are federated."""
