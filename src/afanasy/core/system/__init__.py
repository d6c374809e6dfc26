"""What the server does of its own accord: the system job, events and who hears of them."""
