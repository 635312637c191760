"""Services: owners of state and tasks; none imports another, `app` wires them."""
