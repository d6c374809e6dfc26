"""Jobs, blocks and tasks as people make, edit, order and end them; branches that group jobs."""
